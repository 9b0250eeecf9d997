// The options of encryption, its adapters and `reencrypt`.
import MongoStore, {
  type ConnectMongoOptions,
  type CryptoAdapter,
  type CryptoOptions,
  createKrupteinAdapter,
  createWebCryptoAdapter,
  type ReencryptProgress,
  type WebCryptoAdapterOptions,
} from 'connect-mongo-native'

const mongoUrl = 'mongodb://localhost/app'

const everyOption: Required<CryptoOptions> = {
  secret: ['newest', 'older'],
  format: 'sealed',
  derivation: 'argon2id',
  algorithm: 'aes-256-gcm',
  hashing: 'sha512',
  encodeas: 'base64',
  key_size: 32,
  iv_size: 16,
  at_size: 16,
  _key_size: 32,
  _iv_size: 12,
  _at_size: 16,
  use_scrypt: false,
  use_argon2: false,
  use_asn1: true,
}
const everyWebCryptoOption: Required<WebCryptoAdapterOptions> = {
  secret: [Buffer.from('newest'), 'older'],
  ivLength: 12,
  encoding: 'base64url',
  algorithm: 'AES-CBC',
  salt: new Uint8Array(16).buffer,
  iterations: 600_000,
}
const own: CryptoAdapter = { encrypt: async (text) => text, decrypt: async (text) => text }

export const options: ConnectMongoOptions[] = [
  { mongoUrl, crypto: everyOption },
  { mongoUrl, crypto: { secret: false } },
  { mongoUrl, crypto: { secret: Buffer.alloc(32) }, acceptPlaintext: true, onDecryptError: 'error' },
  { mongoUrl, cryptoAdapter: createKrupteinAdapter({ secret: 'squirrel', use_scrypt: true }) },
  { mongoUrl, cryptoAdapter: createKrupteinAdapter(everyOption) },
  { mongoUrl, cryptoAdapter: createWebCryptoAdapter(everyWebCryptoOption) },
  { mongoUrl, cryptoAdapter: own, onDecryptError: 'drop' },
  { mongoUrl, cryptoAdapter: null },
]

const store = MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel' } })

export async function rotate(signal: AbortSignal): Promise<string | undefined> {
  const progress: ReencryptProgress = await store.reencrypt()
  const everything: Required<ReencryptProgress> = {
    total: progress.total,
    scanned: progress.scanned,
    rewritten: progress.rewritten,
    changed: progress.changed,
    unreadable: progress.unreadable,
    last: progress.last ?? '',
    done: progress.done,
  }
  const { last } = await store.reencrypt({ batchSize: 500, after: progress.last, signal })
  await store.reencrypt({ onProgress: ({ scanned, total }) => console.log(everything, scanned / total) })
  return last
}

export function rotateWithCallback(): void {
  const nothing: Array<void> = [
    store.reencrypt((error: Error | null, progress) => [error, progress?.rewritten]),
    store.reencrypt({ batchSize: 500 }, (_error, progress) => progress?.done),
    store.reencrypt(undefined, () => {}),
  ]
  console.log(nothing)
}

// @ts-expect-error: a secret is needed
MongoStore.create({ mongoUrl, crypto: { algorithm: 'aes-256-gcm' } })
// @ts-expect-error: text or bytes
MongoStore.create({ mongoUrl, crypto: { secret: 7 } })
// @ts-expect-error: not a format
MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel', format: 'webcrypto' } })
// @ts-expect-error: not a derivation
MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel', format: 'sealed', derivation: 'scrypt' } })
// @ts-expect-error: a misspelt option
MongoStore.create({ mongoUrl, crypto: { secret: 'squirrel', algoritm: 'aes-256-gcm' } })
// @ts-expect-error: an adapter has both functions
MongoStore.create({ mongoUrl, cryptoAdapter: { encrypt: async (text: string) => text } })
// @ts-expect-error: not a mode
MongoStore.create({ mongoUrl, onDecryptError: 'ignore' })
// @ts-expect-error: connect-mongo's format only
createKrupteinAdapter({ secret: 'squirrel', format: 'sealed' })
// @ts-expect-error: not a cipher of Web Crypto
createWebCryptoAdapter({ secret: 'squirrel', algorithm: 'aes-256-gcm' })
// @ts-expect-error: a secret is needed
createWebCryptoAdapter({ secret: false })
// @ts-expect-error: a storage id is a string
store.reencrypt({ after: 7 })
// @ts-expect-error: a misspelt option
store.reencrypt({ onprogress: () => {} })
