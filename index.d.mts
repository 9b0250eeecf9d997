import MongoStore from './index.js'

export type {
  AnySessionData,
  ConnectMongoOptions,
  Events,
  MongoOptions,
  ReadPreferenceMode,
  Serialize,
  SessionData,
  StoredSessionValue,
  TagSet,
  Unserialize,
  WriteConcernOptions,
} from './index.js'
export { MongoStore, MongoStore as default }
