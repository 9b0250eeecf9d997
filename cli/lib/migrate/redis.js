// The sessions of connect-redis: https://github.com/tj/connect-redis/blob/v9.0.0/index.ts. A key for each, with its JSON and its end.
'use strict'

const { CliError, serverOf } = require('../errors.js')
const { parsedSession } = require('./json.js')

/**
 * @typedef {import('./side.js').CarriedSession} CarriedSession
 * @typedef {import('./side.js').Side} Side
 */

const DEFAULT_PREFIX = 'sess:'
const DEFAULT_TTL_SECONDS = 86_400
/** How many keys the server looks at before it answers. */
const SCAN_COUNT = 1000

/** What the client makes of other bytes than text has, so that it cannot ask for that key. */
const REPLACEMENT = '\ufffd'

/** What PEXPIRETIME says of a key without an end, and of one that is not there. */
const NEVER = -1
const NOT_THERE = -2

/** A session with an end takes the place of one that ends before. */
const SET_IF_LATER = `
local ends = redis.call('PEXPIRETIME', KEYS[1])
if ends == ${NEVER} or ends >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 1`

/** @param {string} text @returns {string} as a pattern of MATCH */
function escaped(text) {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&')
}

/** @implements {Side} */
class RedisSide {
  isOrdered = false
  resolutionMs = 1
  keepsTypes = false
  ttlSeconds = DEFAULT_TTL_SECONDS
  name
  #client
  #prefix
  #hasEndTimes = true

  /** @param {any} client @param {string} url @param {string} prefix */
  constructor(client, url, prefix) {
    this.name = `connect-redis at ${serverOf(url)}`
    this.#client = client
    this.#prefix = prefix
  }

  /** @param {string[]} args @returns {Promise<any>} */
  #send(...args) {
    return this.#client.sendCommand(args)
  }

  /** The same for every version of the package, whose own method differs. @returns {AsyncGenerator<string[]>} */
  async *#keys() {
    let cursor = '0'
    do {
      const answer = await this.#send(
        ...['SCAN', cursor, 'MATCH', `${escaped(this.#prefix)}*`, 'COUNT', String(SCAN_COUNT)]
      )
      cursor = String(answer[0])
      yield answer[1]
    } while (cursor !== '0')
  }

  async count() {
    let count = 0
    for await (const keys of this.#keys()) count += keys.length
    return count
  }

  /** @param {string} _ @param {number} size */
  async *batches(_, size) {
    for await (const keys of this.#keys()) {
      for (let start = 0; start < keys.length; start += size) {
        const read = await Promise.all(keys.slice(start, start + size).map((key) => this.#read(key)))
        yield read.flat()
      }
    }
  }

  /** @param {string} key @returns {Promise<(import('./side.js').StoredSession | import('./side.js').Unreadable)[]>} none of one that has just ended */
  async #read(key) {
    const sid = key.slice(this.#prefix.length)
    const [text, endMs] = await Promise.all([this.#textOf(key), this.#endOf(key)])
    if (text === undefined) return [{ sid, problem: 'no string' }]
    if (text === null && key.includes(REPLACEMENT)) return [{ sid, problem: 'a key that is not UTF-8' }]
    if (text === null || endMs === undefined) return []
    return [parsedSession(sid, text, Number.isFinite(endMs) ? endMs : undefined)]
  }

  /** @param {string} key @returns {Promise<string | null | undefined>} nothing of a list, a hash … */
  async #textOf(key) {
    try {
      return await this.#send('GET', key)
    } catch (error) {
      if (/^WRONGTYPE/.test(/** @type {Error} */ (error).message)) return undefined
      throw error
    }
  }

  /** @param {string} key @returns {Promise<number | undefined>} Infinity for never */
  async #endOf(key) {
    const answer = await this.#endTimeOf(key)
    if (answer === NOT_THERE) return undefined
    return answer === NEVER ? Number.POSITIVE_INFINITY : answer
  }

  /** @param {string} key @returns {Promise<number>} */
  async #endTimeOf(key) {
    if (this.#hasEndTimes) {
      try {
        return Number(await this.#send('PEXPIRETIME', key))
      } catch (error) {
        if (!/unknown command/i.test(/** @type {Error} */ (error).message)) throw error
        this.#hasEndTimes = false
      }
    }
    // Before Redis 7 only what is left is known.
    const leftMs = Number(await this.#send('PTTL', key))
    return leftMs < 0 ? leftMs : Date.now() + leftMs
  }

  fieldsBeside() {
    return []
  }

  /** @param {string[]} sids */
  async endsOf(sids) {
    const ends = await Promise.all(sids.map((sid) => this.#endOf(this.#prefix + sid)))
    const known = sids.map((sid, index) => /** @type {const} */ ([sid, ends[index]]))
    return new Map(known.filter((pair) => pair[1] !== undefined).map(([sid, endMs]) => [sid, Number(endMs)]))
  }

  /** @param {CarriedSession[]} sessions @param {boolean} overwrite */
  async write(sessions, overwrite) {
    const answers = await Promise.all(sessions.map((one) => this.#write(one, overwrite)))
    return answers.filter(Boolean).length
  }

  /** @param {CarriedSession} session @param {boolean} overwrite @returns {Promise<unknown>} */
  #write({ sid, session, endMs }, overwrite) {
    const key = this.#prefix + sid
    const text = JSON.stringify(session)
    if (overwrite) return this.#send('SET', key, text, 'PXAT', String(endMs))
    return this.#send('EVAL', SET_IF_LATER, '1', key, text, String(endMs))
  }

  ping() {
    return this.#send('PING')
  }

  /** Version 4 of the package calls it otherwise. */
  async close() {
    await (this.#client.close ? this.#client.close() : this.#client.disconnect())
  }
}

/**
 * @param {string} url
 * @param {{ prefix?: string }} flags
 * @param {(name: string) => any} requireDriver
 * @returns {Promise<Side>}
 */
async function openRedis(url, { prefix = DEFAULT_PREFIX }, requireDriver) {
  const { createClient } = requireDriver('redis')
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  // Whatever it is about fails a command as well.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw new CliError(`Redis cannot be reached: ${/** @type {Error} */ (error).message}`)
  }
  return new RedisSide(client, url, prefix)
}

module.exports = { openRedis }
