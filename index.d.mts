import MongoStore from './index.js'

export type {
  AnySessionData,
  Client,
  Collection,
  ConnectMongoOptions,
  CryptoAdapter,
  CryptoOptions,
  CryptoSecret,
  DriverOption,
  Events,
  HashIdOptions,
  KrupteinOptions,
  LiveOption,
  MongoOptions,
  OpenedClient,
  ReadPreferenceMode,
  ReencryptOptions,
  ReencryptProgress,
  Serialize,
  SessionData,
  StoredSessionValue,
  StoreOptions,
  TagSet,
  Unserialize,
  WebCryptoAdapterOptions,
  WriteConcernOptions,
} from './index.js'
export { createKrupteinAdapter, createWebCryptoAdapter } from './index.js'
export { MongoStore, MongoStore as default }
