// The options of the Node driver's MongoClient: a value made for it fits.
import MongoStore, { type ConnectMongoOptions, type MongoOptions } from 'connect-mongo-native'
import {
  type MongoClientOptions,
  ReadPreference,
  type WriteConcern,
  type WriteConcernSettings,
} from 'mongodb'

declare const mongoOptions: MongoClientOptions
declare const writeConcern: WriteConcern
declare const settings: WriteConcernSettings

export const fitting: ConnectMongoOptions[] = [
  { mongoOptions },
  { mongoOptions: { ...mongoOptions, appName: 'shop' } },
  { mongoOptions: { writeConcern } },
  { writeOperationOptions: writeConcern },
  { writeOperationOptions: settings },
]
export const written: MongoOptions = {
  useNewUrlParser: true,
  useUnifiedTopology: true,
  auth: { username: 'user', password: 'secret' },
  ca: [Buffer.from('-----BEGIN CERTIFICATE-----')],
  compressors: ['zstd', 'zlib'],
  readPreference: ReadPreference.secondaryPreferred,
  readPreferenceTags: [{ region: 'east' }, {}],
  serverApi: { version: '1', strict: true },
  tlsCAFile: 'ca.pem',
  writeConcern: { w: 'majority', wtimeoutMS: 1000 },
}

// Honoured by the JavaScript driver.
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', mongoOptions: { socketTimeoutMS: 1000 } })
// @ts-expect-error: refused, and an error when the store is made
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', mongoOptions: { raw: true } })
// @ts-expect-error: in milliseconds
MongoStore.create({ mongoUrl: 'mongodb://localhost/app', mongoOptions: { connectTimeoutMS: '10 s' } })
