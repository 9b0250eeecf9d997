// What apps make of the options: interfaces that extend them, aliases of them, and properties added to them.
import MongoStore = require('connect-mongo-native')

import type { MongoOptions } from 'connect-mongo-native'

declare module 'connect-mongo-native' {
  interface MongoOptions {
    patched?: boolean
  }
}

interface Connection extends MongoOptions {
  region: string
}

interface Acknowledged extends MongoStore.WriteConcernOptions {
  w: 'majority'
}

class Reversed implements MongoStore.CryptoAdapter {
  encrypt = async (text: string) => text.split('').reverse().join('')
  decrypt = this.encrypt
}

import Encryption = MongoStore.CryptoOptions

const mongoOptions: Connection = { region: 'east', patched: true, appName: 'shop' }
const writeOperationOptions: Acknowledged = { w: 'majority' }
const crypto: Encryption = { secret: 'squirrel' }

// Their inferred types have names in the declarations of the app.
export const options = {
  mongoUrl: '',
  mongoOptions,
  writeOperationOptions,
} satisfies MongoStore.ConnectMongoOptions
export const optionsOf = (of: MongoStore.ConnectMongoOptions) => [
  of.mongoOptions,
  of.crypto,
  of.writeOperationOptions,
]
export const adapters = [MongoStore.createKrupteinAdapter(crypto), new Reversed()]
