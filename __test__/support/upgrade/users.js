// Users of a fleet, whose requests go to any of its processes, and the record of what they were told.
'use strict'

const http = require('../http.js')
const { HOUR_MS } = require('./configurations.js')

/**
 * @typedef {InstanceType<typeof http.Browser>} Browser
 * @typedef {import('./configurations.js').Data} Data
 * @typedef {InstanceType<typeof import('./fleet.js').Fleet>} Fleet
 * @typedef {InstanceType<typeof import('./fleet.js').FleetProcess>} FleetProcess
 *
 * @typedef {object} Answer
 * @property {Data | null} found what the session held when the request loaded it; null of a visitor who is not logged in
 * @property {Data | null} data what it held when the request had done its work
 * @property {number | null} maxAge
 *
 * @typedef {object} Asked a request, with its places among all starts and ends, and the times of these
 * @property {string} id
 * @property {string} act
 * @property {boolean} isOld whether connect-mongo served it
 * @property {string} [sid] of the cookie that it was sent with
 * @property {string} [newSid] of the cookie that came back, if it is another one
 * @property {Data} [known] what its session held when it was sent, as far as the user knew
 * @property {number} start
 * @property {number} [loaded] by when it had loaded its session, if it waited then
 * @property {number} [released] when it no longer had to wait
 * @property {number} [end] absent until it is over
 * @property {number} from when it may have begun to write, in milliseconds
 * @property {number} [to]
 * @property {Answer} [answer] absent when its process was killed
 *
 * @typedef {object} Also
 * @property {Browser | null} [cookies] those of the user, otherwise
 * @property {FleetProcess} [process] any that serves, otherwise
 * @property {() => Promise<unknown>} [meanwhile] what is done when the request has loaded its session, before it goes on
 * @property {number | null} [maxAge] what `remember` makes of that of the cookie
 */

const MAX_AGES = [HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS, null]

/** What a user does, the more often the more often it stands here. */
const ALONE = [
  ...['count', 'count', 'count', 'count', 'look', 'look', 'look', 'buy', 'buy'],
  ...['remember', 'save', 'renew', 'logOut', 'expire'],
]
const FIRST = ['count', 'buy', 'look']
const SECOND = ['count', 'buy', 'look', 'logOut', 'logOut', 'renew']
/** Those after which the cookie is worth nothing any more. */
const LEAVING = ['logOut', 'expire', 'renew']
/** Of a request that is not answered, by a process that was killed or a store that fails. */
const MOST_TRIES = 5

/** What all users of a configuration were told. */
class Log {
  #places = 0
  /** @type {Asked[]} */
  requests = []
  /** @type {string[]} */
  problems = []

  nextPlace() {
    return ++this.#places
  }
}

/** @param {unknown} one @param {unknown} other */
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other)

/** What is wrong with the end of the cookie that is set. @param {Response} response @param {Asked} asked @returns {string | undefined} */
function wrongCookie(response, { from, answer }) {
  const [line] = response.headers.getSetCookie()
  const maxAge = answer?.maxAge
  if (!line || maxAge === undefined) return undefined
  const expires = /Expires=([^;]*)/i.exec(line)?.[1]
  if (maxAge === null) return expires && `sets a cookie until ${expires}, not one that ends with the browser`
  const until = Date.parse(expires ?? '')
  // The header has no milliseconds.
  const isRight = from + maxAge - 1000 < until && until <= Date.now() + maxAge
  return isRight ? undefined : `sets a cookie until ${expires}, not for ${maxAge} ms`
}

class User {
  #configuration
  #fleet
  #log
  #random
  #isPatient
  #requests = 0
  /** While logged in. @type {Browser | undefined} */
  #cookies
  /** Those of the session before. @type {Browser | null} */
  #oldCookies = null
  /** What the session holds, while that is certain. @type {Data | undefined} */
  #known
  /** How many increments were acknowledged. */
  #counted = 0

  /**
   * @param {string} name
   * @param {object} about
   * @param {string} about.configuration
   * @param {Fleet} about.fleet
   * @param {Log} about.log
   * @param {() => number} about.random
   * @param {boolean} about.isPatient whether each request waits for the one before
   */
  constructor(name, { configuration, fleet, log, random, isPatient }) {
    this.name = name
    this.#configuration = configuration
    this.#fleet = fleet
    this.#log = log
    this.#random = random
    this.#isPatient = isPatient
  }

  /** The session id, while logged in. */
  get sid() {
    return this.#cookies?.sid
  }

  /** @template T @param {readonly T[]} all @returns {T} */
  #pick(all) {
    return all[Math.floor(this.#random() * all.length)]
  }

  /** @param {string} problem */
  #complain(problem) {
    this.#log.problems.push(`${this.name}: ${problem}`)
  }

  /** @param {number} count */
  async steps(count) {
    for (let step = 0; step < count; step++) await this.#step()
  }

  async #step() {
    if (!this.#cookies) return this.logIn()
    if (!this.#isPatient && this.#random() < 0.35) return this.#doTwo()
    return this.do(this.#pick(ALONE), { maxAge: this.#pick(MAX_AGES) })
  }

  /** One request, with nothing beside it. @param {string} act @param {Also} [also] */
  async do(act, also) {
    if (!this.#cookies) await this.logIn()
    const { asked, cookies } = await this.#ask(act, also)
    if (!asked.answer) return this.#lookAgain(LEAVING.includes(act))
    const { found, data } = asked.answer
    this.#compare(found)
    if (act === 'count' || act === 'save') this.#counted += 1
    if (!data || act === 'expire') return this.#leave()
    if ((act === 'renew') === (cookies.sid === this.sid)) this.#complain(`${act} gave ${cookies.sid}`)
    this.#stay(cookies, data)
  }

  /** @param {Data | null} found */
  #compare(found) {
    if (!found) return this.#complain('was logged out')
    if (this.#known && !isSame(found, this.#known))
      this.#complain(`had ${JSON.stringify(this.#known)}, and found ${JSON.stringify(found)}`)
    if (this.#isPatient && found.count !== this.#counted)
      this.#complain(`counted to ${this.#counted}, and found ${found.count}`)
  }

  /** @param {Browser} cookies @param {Data} data */
  #stay(cookies, data) {
    this.#cookies = cookies
    this.#known = data
  }

  async logIn() {
    const before = this.#random() < 0.5 ? this.#oldCookies : null
    const { asked, cookies } = await this.#ask('logIn', { cookies: before })
    if (!asked.answer?.data) return
    if (asked.answer.found) this.#complain('was logged in before logging in')
    this.#counted = 0
    this.#stay(cookies, asked.answer.data)
  }

  /** @param {Browser | null} [cookies] @returns {Promise<Data | null>} what the session of these cookies holds */
  async #look(cookies) {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { asked } = await this.#ask('look', { cookies })
      if (asked.answer) return asked.answer.found
    }
    return null
  }

  /** After a request that was not answered, or two at a time. @param {boolean} mayBeOut */
  async #lookAgain(mayBeOut) {
    const found = await this.#look()
    if (!found) {
      if (!mayBeOut) this.#complain('was logged out')
      return this.#leave()
    }
    const isLost = found.count < this.#counted || found.count > this.#counted + 1
    if (this.#isPatient && isLost)
      this.#complain(`counted to ${this.#counted}, and found ${found.count} after a crash`)
    this.#counted = found.count
    this.#known = found
  }

  async #leave() {
    this.#oldCookies = this.#cookies ?? null
    this.#cookies = undefined
    this.#known = undefined
    if (await this.#look(this.#oldCookies)) this.#complain('was logged in again')
  }

  #doTwo() {
    const meanwhile = this.#random() < 0.5
    return this.doTwo(this.#pick(FIRST), this.#pick(SECOND), { meanwhile })
  }

  /**
   * Two requests at a time. What they may come to, the history of their session tells.
   *
   * @param {string} first
   * @param {string} second
   * @param {{ process?: FleetProcess, meanwhile: boolean }} how the process of the first, and whether it waits for the second when it has
   *   loaded the session
   */
  async doTwo(first, second, { process, meanwhile }) {
    if (!this.#cookies) await this.logIn()
    const before = /** @type {Browser} */ (this.#cookies)
    /** @type {Promise<{ asked: Asked, cookies: Browser }>} */
    let other = Promise.resolve(/** @type {any} */ (undefined))
    const askOther = () => (other = this.#ask(second))
    const [{ asked: one }] = await Promise.all(
      meanwhile
        ? [this.#ask(first, { process, meanwhile: askOther })]
        : [this.#ask(first, { process }), askOther()]
    )
    const { asked, cookies } = await other
    this.#known = undefined
    if (!asked.answer || !LEAVING.includes(second)) return this.#lookAgain(LEAVING.includes(second))
    this.#cookies = asked.answer.data ? cookies : undefined
    this.#known = asked.answer.data ?? undefined
    await this.#endWhatCameBack(before, one.isOld)
  }

  /** @param {Browser} cookies @param {boolean} mayComeBack by a save of connect-mongo */
  async #endWhatCameBack(cookies, mayComeBack) {
    this.#oldCookies = cookies
    while (await this.#look(cookies)) {
      if (!mayComeBack) this.#complain('was logged in again by a save')
      const { asked } = await this.#ask('logOut', { cookies })
      if (asked.answer && (await this.#look(cookies))) return this.#complain('was logged in again')
    }
  }

  /**
   * @param {string} act
   * @param {Also} [also]
   * @returns {Promise<{ asked: Asked, cookies: Browser }>} with the cookies that came back
   */
  async #ask(act, { cookies = this.#cookies, process, meanwhile, maxAge = null } = {}) {
    const server = process ?? this.#fleet.pick(this.#random)
    const browser = new http.Browser(server.addressOf(this.#configuration), cookies ?? undefined)
    const id = `${this.name}-${++this.#requests}`
    /** @type {Asked} */
    const asked = {
      id,
      act,
      isOld: server.isOld,
      sid: browser.sid,
      known: this.#known,
      start: this.#log.nextPlace(),
      from: Date.now(),
    }
    this.#log.requests.push(asked)
    server.underWay += 1
    const query = { id, user: this.name, maxAge: JSON.stringify(maxAge), ...(meanwhile && { hold: '1' }) }
    const held = meanwhile && server.held(id)
    const sent = this.#send(browser, server, asked, new URLSearchParams(query))
    if (meanwhile) {
      await Promise.race([held, sent])
      asked.loaded = this.#log.nextPlace()
      await meanwhile()
      asked.released = this.#log.nextPlace()
      asked.from = Date.now()
      server.release(id)
    }
    await sent
    return { asked, cookies: browser }
  }

  /** @param {Browser} browser @param {FleetProcess} server @param {Asked} asked @param {URLSearchParams} query */
  async #send(browser, server, asked, query) {
    try {
      const response = await browser.fetch(`/${asked.act}?${query}`)
      const text = await response.text()
      if (!response.ok) throw new Error(`${asked.act} answered ${response.status}: ${text}`)
      asked.answer = JSON.parse(text)
      const wrong = wrongCookie(response, asked)
      if (wrong) this.#complain(`${asked.act} ${wrong}`)
    } catch (error) {
      if (!server.isKilled) this.#complain(String(error))
    }
    asked.to = Date.now()
    server.underWay -= 1
    if (!asked.answer && server.isKilled) await server.settled
    asked.end = this.#log.nextPlace()
    if (browser.sid !== asked.sid) asked.newSid = browser.sid
  }
}

module.exports = { LEAVING, Log, MAX_AGES, User }
