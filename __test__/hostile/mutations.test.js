// A million altered envelopes, of every format, through the decoders: none may crash, none may be taken for another session.
'use strict'

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { encryptionOfCrypto, encryptionOfWebCrypto } = require('../../lib/crypto/options.js')
const { RustCipher } = require('../../lib/crypto/rust-cipher.js')

const MUTATIONS = 1_000_000

const table = (file) =>
  JSON.parse(readFileSync(path.join(__dirname, '..', 'vectors', file), 'utf8')).vectors.filter(
    ({ stored, options, custom }) =>
      typeof stored === 'string' && !custom && Object.values(options).every((one) => typeof one === 'string')
  )

/** A stream of numbers that a failure can be repeated with. @param {number} seed */
function randomNumbers(seed) {
  let state = seed
  // https://en.wikipedia.org/wiki/Xorshift
  return (/** @type {number} */ below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

/** @param {Buffer} bytes @param {(below: number) => number} random @returns {Buffer} another one */
function mutate(bytes, random) {
  const at = random(bytes.length)
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (random(6)) {
    case 0:
      return head
    case 1:
      return Buffer.concat([head, tail.subarray(1 + random(8))])
    case 2:
      return Buffer.concat([head, Buffer.from([random(256)]), tail])
    case 3:
      return Buffer.concat([tail, head, bytes.subarray(0, 1)])
    default: {
      const altered = Buffer.from(bytes)
      altered[at] ^= 1 << random(8)
      return altered
    }
  }
}

/** How an envelope is taken apart, altered and put together again: as it is stored, and below its encoding. */
const LEVELS = {
  text: (text) => ({ bytes: Buffer.from(text), rebuild: (bytes) => bytes.toString() }),
  hex: (text) => ({ bytes: Buffer.from(text, 'hex'), rebuild: (bytes) => bytes.toString('hex') }),
  base64: (text) => ({ bytes: Buffer.from(text, 'base64'), rebuild: (bytes) => bytes.toString('base64') }),
  binary: (bytes) => ({ bytes, rebuild: (altered) => altered }),
}

/** @returns {Promise<[name: string, level: keyof LEVELS, crypto: RustCipher, stored: string | Buffer, text: string][]>} */
async function envelopes() {
  const found = []
  const add = async (name, crypto, stored) => {
    const { text } = await crypto.decrypt('sid', stored)
    const isBinary = typeof stored !== 'string'
    const inner =
      !isBinary && ['hex', 'base64'].find((one) => Buffer.from(stored, one).toString(one) === stored)
    for (const level of isBinary ? ['binary'] : ['text', ...(inner ? [inner] : [])]) {
      found.push([name, level, crypto, stored, text])
    }
  }
  for (const [file, count] of Object.entries({
    'v3.json': 2,
    'kruptein-2.json': 2,
    'kruptein-3.0.json': 2,
    'kruptein-3.2.json': 2,
    'kruptein-3.4.json': 2,
    'connect-mongo-6.json': 2,
  })) {
    // Without authentication of the iv, one that was altered alters the session: the formats have it so.
    const sealed = table(file).filter(({ options }) => /gcm|ocb/.test(options.algorithm ?? 'gcm'))
    for (const { id, options, stored } of sealed.slice(0, count)) {
      await add(id, new RustCipher(encryptionOfCrypto(options), false), stored)
    }
  }
  const web = new RustCipher(encryptionOfWebCrypto({ secret: 'secret', iterations: 1000 }), false)
  await add('web crypto', web, await web.encrypt('sid', '{"user":"ada"}'))
  const sealed = new RustCipher(encryptionOfCrypto({ secret: 'secret', format: 'sealed' }), false)
  await add('sealed', sealed, await sealed.encrypt('sid', '{"user":"ada"}'))
  return found
}

/** @returns {string | undefined} what an altered envelope is taken for; nothing when it is refused */
function opened(crypto, stored) {
  try {
    return crypto.crypter.tryDecrypt('sid', stored)?.text
  } catch (error) {
    assert.equal(error.message, 'Encrypted session was tampered with!')
    return undefined
  }
}

describe('a million altered envelopes', () => {
  test('are refused, or say what they said', async (t) => {
    const seed = Number(process.env.SEED) || (Date.now() & 0x7fff_ffff) + 1
    t.diagnostic(`SEED=${seed}`)
    const random = randomNumbers(seed)
    const all = await envelopes()
    assert.ok(all.length >= 20)
    const refused = new Map()
    const rounds = Math.ceil(MUTATIONS / all.length)
    for (const [name, level, crypto, stored, text] of all) {
      const { bytes, rebuild } = LEVELS[level](stored)
      for (let round = 0; round < rounds; round++) {
        const altered = rebuild(mutate(bytes, random))
        const found = opened(crypto, altered)
        if (found !== undefined) assert.equal(found, text, `${name}: ${altered.toString('base64')}`)
        else refused.set(name, (refused.get(name) ?? 0) + 1)
      }
    }
    // Most change something that counts.
    for (const [name, count] of refused) assert.ok(count > rounds / 2, `${name}: ${count} of ${rounds}`)
  })
})
