// The ways in which apps on connect-mongo 4, 5 and 6 import it from CommonJS.
import MongoStore = require('connect-mongo-native')

import type { ConnectMongoOptions, CryptoAdapter } from 'connect-mongo-native'
import * as Star from 'connect-mongo-native'
import Default, { createKrupteinAdapter, MongoStore as Named } from 'connect-mongo-native'

const options: ConnectMongoOptions = { mongoUrl: 'mongodb://localhost/app' }
const sameOptions: MongoStore.ConnectMongoOptions = options

const store: MongoStore = MongoStore.create(options)
const constructed: Default = new Default(sameOptions)
const named: Named = Named.create(options)
const generic: MongoStore<MongoStore.SessionData> = store
const viaProperty: MongoStore = new MongoStore.MongoStore(options)
const viaDefault: MongoStore = MongoStore.default.create(options)
const viaStar: Star.MongoStore = Star.create(options)
const required: typeof MongoStore = require('connect-mongo-native')

const adapters: CryptoAdapter[] = [
  createKrupteinAdapter({ secret: 'squirrel' }),
  MongoStore.createWebCryptoAdapter({ secret: 'squirrel' }),
  Star.createWebCryptoAdapter({ secret: 'squirrel' }),
]
const binding: string = MongoStore.binding
const backend: 'native' | 'driver' = store.backend

// @ts-expect-error: there is no such export
import { nothing } from 'connect-mongo-native'

export = [
  adapters,
  constructed,
  named,
  generic,
  viaProperty,
  viaDefault,
  viaStar,
  required,
  binding,
  backend,
  nothing,
]
