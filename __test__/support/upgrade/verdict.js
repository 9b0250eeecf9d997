// Whether what the users of a fleet were told, and what is stored, is what connect-mongo 6 promises, and where only this package
// took part, what it promises.
'use strict'

const { BSON } = require('mongodb')
const { describe, findViolation } = require('../history.js')
const { CONFIGURATIONS, DEFAULT_TTL_MS } = require('./configurations.js')
const { LEAVING } = require('./users.js')

/**
 * @typedef {import('../history.js').Operation} Operation
 * @typedef {import('./users.js').Asked} Asked
 * @typedef {InstanceType<typeof import('./users.js').Log>} Log
 * @typedef {import('./fleet.js').Failure} Failure
 *
 * @typedef {object} Write what a request may have written, and when
 * @property {string} sid
 * @property {number} start
 * @property {number} end
 * @property {number} from
 * @property {number} to
 * @property {number | null} [maxAge] absent where nobody knows
 * @property {boolean} [isFirst] whether it made the session
 */

const MOST_LAG_MS = 1000
const TOUCH_OF_NONE = 'Unable to find the session to touch'

/** @param {unknown} data */
const textOf = (data) => JSON.stringify(data)

// ---- Histories

/** @param {Asked} asked @returns {Operation} the whole of what it did, but for its kind */
const whole = ({ start, released, end, answer }) =>
  /** @type {Operation} */ ({ start: released ?? start, end: answer ? end : undefined, told: undefined })

/** Whether its process was killed while it waited. @param {Asked} asked */
const hasOnlyLoaded = ({ answer, released, end }) =>
  !answer && released !== undefined && Number(end) < released

/**
 * The write of a request that was not answered, as far as anybody has seen it.
 *
 * @param {Asked} asked
 * @param {Map<string, string>} seen values by the request that noted itself in them
 */
const unansweredValue = ({ id, act, known }, seen) =>
  act === 'look' ? textOf(known) : (seen.get(id) ?? `what nobody saw of ${id}`)

/** @param {Asked} asked @param {boolean} isResaved @param {Map<string, string>} seen @returns {[string, Operation][]} */
function unanswered(asked, isResaved, seen) {
  const { act, sid, isOld } = asked
  if (sid === undefined || hasOnlyLoaded(asked) || act === 'logIn') return []
  if (LEAVING.includes(act)) return [[sid, { ...whole(asked), method: 'destroy' }]]
  if (act === 'look' && !(isResaved && asked.known)) return []
  const value = unansweredValue(asked, seen)
  return [[sid, { ...whole(asked), method: 'set', value, isLoaded: !isOld }]]
}

/** @param {Asked} asked @param {boolean} isResaved @returns {[string, Operation][]} what the request did, by session ids */
function answered(asked, isResaved) {
  const { act, sid = '', newSid = '', isOld, start, loaded, end, answer } = asked
  const { found, data } = /** @type {import('./users.js').Answer} */ (answer)
  /** @type {[string, Operation]} */
  const read = [sid, { method: 'get', start, end: loaded ?? end, told: found && { value: textOf(found) } }]
  const made = /** @type {[string, Operation]} */ ([
    newSid,
    { ...whole(asked), method: 'set', value: textOf(data) },
  ])
  if (act === 'logIn') return sid ? [read, made] : [made]
  if (!found) return [read]
  if (act === 'logOut' || act === 'expire') return [read, [sid, { ...whole(asked), method: 'destroy' }]]
  if (act === 'renew') return [read, [sid, { ...whole(asked), method: 'destroy' }], made]
  if (act === 'look' && !isResaved) return [read]
  return [read, [sid, { ...whole(asked), method: 'set', value: textOf(data), isLoaded: !isOld }]]
}

/** @param {Asked[]} requests @param {boolean} isResaved @returns {Map<string, Operation[]>} by session ids */
function historiesOf(requests, isResaved) {
  const seen = new Map(
    requests.flatMap(({ answer }) => (answer?.found ? [[answer.found.last, textOf(answer.found)]] : []))
  )
  /** @type {Map<string, Operation[]>} */
  const histories = new Map()
  for (const asked of requests) {
    const operations = asked.answer ? answered(asked, isResaved) : unanswered(asked, isResaved, seen)
    for (const [sid, operation] of operations) histories.set(sid, [...(histories.get(sid) ?? []), operation])
  }
  return histories
}

/** @param {Map<string, Operation[]>} histories @returns {string[]} */
function impossibleHistories(histories) {
  return [...histories].flatMap(([sid, history]) => {
    const violation = findViolation(history)
    if (!violation) return []
    const lines = [...violation.open, ...history].map(describe)
    return `The session ${sid} cannot have been so, beginning with\n${lines.join('\n')}`
  })
}

// ---- Dates

/** @param {Asked} asked @param {import('./configurations.js').Configuration} configuration @returns {Write[]} */
function writesOf(asked, { isTouched = true }) {
  const { act, sid = '', newSid = '', start, released, answer, from } = asked
  const write = { sid, start: released ?? start, end: Number(asked.end), from, to: Number(asked.to) }
  if (!answer) return hasOnlyLoaded(asked) || !sid ? [] : [write]
  const { maxAge, found } = answer
  if (act === 'logIn' || (act === 'renew' && found)) return [{ ...write, sid: newSid, maxAge, isFirst: true }]
  if (!found || act === 'logOut' || (act === 'look' && !isTouched)) return []
  // With touchAfter a request that saves by itself may leave the end of the session that much behind.
  const mayLag = act === 'save' && !isTouched
  return [{ ...write, from: mayLag ? from - MOST_LAG_MS : from, maxAge }]
}

/** @param {Write[]} writes */
function groupedBySid(writes) {
  /** @type {Map<string, Write[]>} */
  const grouped = new Map()
  for (const write of writes) grouped.set(write.sid, [...(grouped.get(write.sid) ?? []), write])
  return grouped
}

/** @param {Write[]} writes @returns {Write[]} those after which no other began */
function lastOf(writes) {
  return writes.filter(({ end }) => writes.every(({ start }) => start < end))
}

/** @param {Date} date @param {{ from: number, to: number }[]} spans */
const isIn = (date, spans) => spans.some(({ from, to }) => from <= date.getTime() && date.getTime() <= to)

/**
 * @param {any} document
 * @param {Write[]} writes of its session
 * @param {import('./configurations.js').Configuration} configuration
 * @returns {string[]} the names of the dates that are wrong
 */
function wrongDates(document, writes, { ttlMs = DEFAULT_TTL_MS }) {
  const last = lastOf(writes)
  if (last.some(({ maxAge }) => maxAge === undefined)) return []
  const ends = last.map(({ from, to, maxAge }) => ({
    from: from + (maxAge ?? ttlMs),
    to: to + (maxAge ?? ttlMs),
  }))
  /** @type {Record<string, { from: number, to: number }[]>} */
  const spans = {
    expires: ends,
    lastModified: last,
    updatedAt: last,
    createdAt: writes.filter(({ isFirst }) => isFirst),
  }
  return Object.keys(spans).filter((name) => name in document && !isIn(document[name], spans[name]))
}

// ---- Documents

/** @param {any} value @returns {unknown} what there is, without the values */
function shapeOf(value) {
  if (typeof value === 'string') return shapeOfText(value)
  if (value instanceof Date) return 'date'
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.entries(value).map(([key, child]) => [key, shapeOf(child)])
}

/** @param {string} text */
function shapeOfText(text) {
  if (!text.startsWith('{')) return 'text'
  const parsed = JSON.parse(text)
  if (JSON.stringify(parsed) !== text) return 'JSON in another form'
  return ['JSON', shapeOf(parsed)]
}

/** @param {Uint8Array} bytes @returns {{ document: any, shape: string, isAsDriven: boolean }} */
function readDocument(bytes) {
  const document = BSON.deserialize(bytes)
  return {
    document,
    shape: JSON.stringify(shapeOf(document)),
    // A number, say, of the type that the JavaScript driver gives it.
    isAsDriven: Buffer.compare(BSON.serialize(document), bytes) === 0,
  }
}

/** What is stored of one configuration, looked at while nobody writes. */
class Inspector {
  #configuration
  #collection
  #log
  /** What connect-mongo has made, when it was alone. */
  #shapes = new Set()
  /** @type {unknown} */
  #indexes

  /** @param {string} name @param {import('mongodb').Collection} collection @param {Log} log */
  constructor(name, collection, log) {
    this.#configuration = CONFIGURATIONS[name]
    this.#collection = collection
    this.#log = log
  }

  /** @param {string} when @param {(string | undefined)[]} sids of those who are logged in @param {boolean} isModel whether there has been connect-mongo only */
  async inspect(when, sids, isModel) {
    const problems = [
      ...(await this.#inspectIndexes(isModel)),
      ...(await this.#inspectDocuments(sids, isModel)),
    ]
    this.#log.problems.push(...problems.map((problem) => `${when}: ${problem}`))
  }

  /** @param {boolean} isModel */
  async #inspectIndexes(isModel) {
    const indexes = JSON.stringify(await this.#collection.listIndexes().toArray())
    if (isModel) this.#indexes = indexes
    return indexes === this.#indexes ? [] : [`The indexes are ${indexes}, not ${this.#indexes}`]
  }

  /** @param {(string | undefined)[]} sids @param {boolean} isModel */
  async #inspectDocuments(sids, isModel) {
    const { sidOf = (/** @type {string} */ id) => id } = this.#configuration
    const raw = /** @type {Uint8Array[]} */ (
      /** @type {unknown} */ (await this.#collection.find({}, { raw: true }).toArray())
    )
    const read = raw.map(readDocument)
    if (isModel) for (const { shape } of read) this.#shapes.add(shape)
    const { requests } = this.#log
    const writes = groupedBySid(requests.flatMap((asked) => writesOf(asked, this.#configuration)))
    const stored = new Set(read.map(({ document }) => sidOf(document._id)))
    const lost = sids.filter((sid) => sid !== undefined && !stored.has(sid))
    // Of a login that was not answered nobody knows the session.
    const strangers = [...stored].filter((sid) => !writes.has(sid))
    const isStranger =
      strangers.length >
      requests.filter(({ act, answer }) => !answer && (act === 'logIn' || act === 'renew')).length
    return [
      ...lost.map((sid) => `The session ${sid} is gone`),
      ...(isStranger ? [`Nobody has made ${strangers}`] : []),
      ...read.flatMap((one) => this.#wrongs(one, writes.get(sidOf(one.document._id)))),
    ]
  }

  /** @param {ReturnType<typeof readDocument>} read @param {Write[]} [writes] @returns {string[]} */
  #wrongs({ document, shape, isAsDriven }, writes) {
    const wrongs = [
      ...(this.#shapes.has(shape) ? [] : [`connect-mongo has made nothing like ${shape}`]),
      ...(isAsDriven ? [] : ['its types are not those of the driver']),
      ...(writes ? wrongDates(document, writes, this.#configuration) : []),
    ]
    return wrongs.map(
      (wrong) => `${wrong}: ${JSON.stringify(document)} ${JSON.stringify(lastOf(writes ?? []))}`
    )
  }

  /** What has expired is removed by the index, or by a sweep of the processes. */
  async hasExpired() {
    return (await this.#collection.countDocuments({ expires: { $lt: new Date() } })) > 0
  }
}

// ---- Failures

/**
 * connect-mongo fails a touch of a session that has been ended meanwhile. Whatever else fails is a problem.
 *
 * @param {Failure} failure
 * @param {Asked[]} requests
 */
function isOfTouch({ failure, id, isOld }, requests) {
  const touching = requests.find((asked) => asked.id === id)
  if (!isOld || failure !== TOUCH_OF_NONE || !touching) return false
  const ending = requests.filter(({ act, sid }) => sid === touching.sid && LEAVING.includes(act))
  return ending.some(({ start, end }) => start < Number(touching.end) && touching.start < Number(end))
}

/** @param {Failure[]} failures @param {Asked[]} requests @returns {string[]} */
function failuresOf(failures, requests) {
  return failures
    .filter((failure) => !isOfTouch(failure, requests))
    .map(({ failure, id }) => `The store failed ${id}: ${failure}`)
}

module.exports = { Inspector, failuresOf, historiesOf, impossibleHistories, textOf }
