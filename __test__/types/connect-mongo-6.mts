// What an app on connect-mongo 6 has written for its encryption, and values of that package's own types.
import type * as ConnectMongo from 'connect-mongo'
import MongoStore, {
  type ConnectMongoOptions,
  type CryptoAdapter,
  type CryptoOptions,
  createKrupteinAdapter,
  createWebCryptoAdapter,
  type WebCryptoAdapterOptions,
} from 'connect-mongo-native'

declare const theirCrypto: ConnectMongo.CryptoOptions
declare const theirAdapter: ConnectMongo.CryptoAdapter
declare const theirWebCryptoOptions: ConnectMongo.WebCryptoAdapterOptions

const mongoUrl = 'mongodb://localhost/app'
const crypto: CryptoOptions = {
  secret: process.env.SESSION_KEY ?? false,
  algorithm: 'aes-256-gcm',
  hashing: 'sha512',
  encodeas: 'base64',
  key_size: 32,
  iv_size: 16,
  at_size: 16,
}
const webCryptoOptions: WebCryptoAdapterOptions = { secret: 'squirrel', encoding: 'base64url' }
const adapters: CryptoAdapter[] = [
  createKrupteinAdapter(crypto),
  createKrupteinAdapter(theirCrypto),
  createWebCryptoAdapter(webCryptoOptions),
  createWebCryptoAdapter(theirWebCryptoOptions),
  theirAdapter,
]

export const options: ConnectMongoOptions[] = [
  { mongoUrl, crypto },
  { mongoUrl, crypto: theirCrypto },
  { mongoUrl, cryptoAdapter: adapters[0] ?? null },
]
export const stores = options.map((each) => MongoStore.create(each))

// An adapter made here does where one of connect-mongo did.
export const asTheirs: ConnectMongo.CryptoAdapter[] = adapters

export async function copy(text: string): Promise<string> {
  const { encrypt, decrypt }: CryptoAdapter = createKrupteinAdapter(crypto)
  const pending: Promise<string> = encrypt(text)
  return decrypt(await pending)
}
