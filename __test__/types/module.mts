// The ways in which apps on connect-mongo 4, 5 and 6 import it from ECMAScript modules.

import type Default from 'connect-mongo-native'
import type {
  AnySessionData,
  ConnectMongoOptions,
  CryptoAdapter,
  CryptoOptions,
  CryptoSecret,
  DestroyAllOptions,
  DriverOption,
  Events,
  FindOptions,
  FoundSession,
  HashIdsOptions,
  HashIdsProgress,
  IndexValue,
  IndexValues,
  KrupteinOptions,
  LiveOption,
  MaxLifetime,
  MongoOptions,
  OpenedClient,
  PruneOptions,
  ReadPreferenceMode,
  ReencryptOptions,
  ReencryptProgress,
  ReindexOptions,
  ReindexProgress,
  Serialize,
  SessionData,
  StoredSessionValue,
  StoreOptions,
  TagSet,
  Unserialize,
  WebCryptoAdapterOptions,
  WriteConcernOptions,
} from 'connect-mongo-native'
import * as everything from 'connect-mongo-native'
import MongoStore, {
  createKrupteinAdapter,
  createWebCryptoAdapter,
  MongoStore as Named,
} from 'connect-mongo-native'

const options: ConnectMongoOptions = { mongoUrl: 'mongodb://localhost/app' }
const store: MongoStore = MongoStore.create(options)
const constructed: Default = new Named(options)
const named: Named<SessionData> = store
const sameOptions: MongoStore.ConnectMongoOptions = options
const viaStar: MongoStore = everything.default.create(options)
const kruptein: CryptoAdapter = createKrupteinAdapter({ secret: 'squirrel' })
const webCrypto: CryptoAdapter = createWebCryptoAdapter({ secret: 'squirrel' })
const dynamic: Promise<MongoStore> = import('connect-mongo-native').then(({ default: Store }) =>
  Store.create(options)
)

export type Exported = [
  AnySessionData,
  CryptoOptions,
  CryptoSecret,
  DestroyAllOptions,
  DriverOption,
  Events,
  FindOptions,
  FoundSession,
  HashIdsOptions,
  HashIdsProgress,
  IndexValue,
  IndexValues,
  KrupteinOptions,
  LiveOption,
  MaxLifetime,
  MongoOptions,
  OpenedClient,
  PruneOptions,
  ReadPreferenceMode,
  ReencryptOptions,
  ReencryptProgress,
  ReindexOptions,
  ReindexProgress,
  Serialize,
  StoredSessionValue,
  StoreOptions,
  TagSet,
  Unserialize,
  WebCryptoAdapterOptions,
  WriteConcernOptions,
]

// @ts-expect-error: there is no such export
export { nothing } from 'connect-mongo-native'
export { constructed, dynamic, kruptein, named, sameOptions, viaStar, webCrypto }
