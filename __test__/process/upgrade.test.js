// A fleet of processes that goes from connect-mongo 6 to this package and back, one process at a time, while users go on: a few
// of the processes are killed. Users are told nothing else than by connect-mongo alone, or by this package alone.
'use strict'

const assert = require('node:assert/strict')
const { after, before, describe, test } = require('node:test')
const { MongoStore: ConnectMongo, ...connectMongo } = require('connect-mongo')
const { MongoClient } = require('mongodb')
const { BACKENDS } = require('../support/backends.js')
const { randomNumbers } = require('../support/random.js')
const { startServer } = require('../support/server.js')
const { CONFIGURATIONS, HOUR_MS, slugOf } = require('../support/upgrade/configurations.js')
const { Fleet } = require('../support/upgrade/fleet.js')
const { Log, User } = require('../support/upgrade/users.js')
const {
  Inspector,
  failuresOf,
  historiesOf,
  impossibleHistories,
  textOf,
} = require('../support/upgrade/verdict.js')
const { promised, until, withResolvers } = require('../support/wait.js')

/** How often it goes there and back. UPGRADE_ROUNDS=20 is what a release has to survive. */
const ROUNDS = Number(process.env.UPGRADE_ROUNDS ?? 1)
/** Set RANDOM_SEED to repeat a failure, as far as processes let themselves be repeated. */
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 32))
const STEPS = 2
const PATIENT_USERS = 2
const HASTY_USERS = 2

const OLD = 'connect-mongo'
/** What comes in the place of each process. */
const NEW = [BACKENDS[0], BACKENDS[BACKENDS.length - 1], BACKENDS[0]]

const server = startServer({ args: ['--setParameter', 'ttlMonitorSleepSecs=1'] })

/** @type {MongoClient} */
let client
/** @type {Fleet} */
let fleet
/** @type {ReturnType<typeof partOf>[]} */
let parts

/** The users of a configuration, and what is known of them. @param {string} name @param {() => number} random */
function partOf(name, random) {
  const log = new Log()
  const userOf = (label, isPatient) =>
    new User(`${slugOf(name)}-${label}`, { configuration: name, fleet, log, random, isPatient })
  const patient = Array.from({ length: PATIENT_USERS }, (_, index) => userOf(`patient-${index}`, true))
  const hasty = Array.from({ length: HASTY_USERS }, (_, index) => userOf(`hasty-${index}`, false))
  const collection = client.db(slugOf(name)).collection(CONFIGURATIONS[name].collectionName ?? 'sessions')
  return {
    name,
    log,
    users: [...patient, ...hasty],
    /** Whose requests are under way when a process has to go. */
    guest: userOf('guest', true),
    inspector: new Inspector(name, collection, log),
  }
}

/** @param {(part: ReturnType<typeof partOf>) => Promise<unknown>} act */
const inEachPart = (act) => Promise.all(parts.map(act))

const load = () => inEachPart(({ users }) => Promise.all(users.map((user) => user.steps(STEPS))))

/** @param {string} when @param {boolean} [isModel] */
async function inspect(when, isModel = false) {
  await inEachPart(({ users, guest, inspector }) =>
    inspector.inspect(
      when,
      [...users, guest].map(({ sid }) => sid),
      isModel
    )
  )
}

/** What has expired goes, whoever is there to see to it. */
const expiredAreGone = () => inEachPart(({ inspector }) => until(async () => !(await inspector.hasExpired())))

/**
 * @param {InstanceType<typeof import('../support/upgrade/fleet.js').FleetProcess>} leaving
 * @param {boolean} isKilled
 */
async function leave(leaving, isKilled) {
  if (isKilled) {
    leaving.kill()
    await leaving.settled
    return
  }
  // As behind a load balancer: it has passed on what it has taken.
  await until(() => leaving.underWay === parts.length)
  await leaving.stop()
}

/**
 * Takes a process away while requests of the guests are under way there, whose sessions it has loaded.
 *
 * @param {InstanceType<typeof import('../support/upgrade/fleet.js').FleetProcess>} leaving
 * @param {boolean} isKilled
 */
async function retire(leaving, isKilled) {
  const left = withResolvers()
  const waiting = parts.map(() => withResolvers())
  const answered = parts.map(({ guest }, index) =>
    guest.do('count', {
      process: leaving,
      meanwhile: () => {
        waiting[index].resolve()
        return left.promise
      },
    })
  )
  await Promise.race([Promise.all(waiting.map(({ promise }) => promise)), Promise.all(answered)])
  fleet.takeOut(leaving)
  await leave(leaving, isKilled)
  left.resolve()
  await Promise.all(answered)
  await leaving.settled
}

/** A user logs out while another request has loaded the session, and saves it then. @param {InstanceType<typeof import('../support/upgrade/fleet.js').FleetProcess>} saving */
const race = (saving) =>
  inEachPart(({ users }) =>
    users[users.length - 1].doTwo('count', 'logOut', { process: saving, meanwhile: true })
  )

/** @param {import('../support/upgrade/server.js').Kind[]} kinds @param {number} killed which of the processes does not end by itself */
async function replaceAll(kinds, killed) {
  for (const [index, leaving] of [...fleet.serving].entries()) {
    const [arrived] = await Promise.all([fleet.start(kinds[index]), load()])
    await Promise.all([load(), retire(leaving, index === killed)])
    await race(arrived)
    await inspect(fleet.serving.map(({ kind }) => kind).join(', '))
  }
  await load()
  await expiredAreGone()
}

/** So that there is one of every kind of document. */
async function begin() {
  await Promise.all(NEW.map(() => fleet.start(OLD)))
  await inEachPart(({ guest }) => guest.logIn())
  await load()
  await inEachPart(({ users: [one, other] }) =>
    Promise.all([one.do('remember', { maxAge: HOUR_MS }), other.do('remember', { maxAge: null })])
  )
  await inspect('connect-mongo alone', true)
}

async function end() {
  await Promise.all(fleet.serving.map((one) => one.stop()))
  await Promise.all(fleet.processes.map(({ settled }) => settled))
  await inEachPart(readAll)
}

/** @param {string} name of a configuration */
const isResaved = (name) => Boolean(CONFIGURATIONS[name].session?.resave)

/** With connect-mongo, of which there is no process any more. @param {ReturnType<typeof partOf>} part */
async function readAll({ name, log }) {
  const { options } = CONFIGURATIONS[name]
  const histories = historiesOf(log.requests, isResaved(name))
  const mongoUrl = (await server).getUri()
  const store = ConnectMongo.create({ mongoUrl, dbName: slugOf(name), ...options(connectMongo) })
  for (const [sid, history] of histories) {
    const start = log.nextPlace()
    const found = await promised(store, 'get', sid)
    const { cookie, lastModified, ...data } = found ?? {}
    history.push({ method: 'get', start, end: log.nextPlace(), told: found && { value: textOf(data) } })
  }
  await store.close()
  log.problems.push(...impossibleHistories(histories))
}

async function thereAndBack() {
  await begin()
  for (let round = 0; round < ROUNDS; round++) {
    await replaceAll(NEW, (round + 1) % NEW.length)
    await replaceAll([OLD, OLD, OLD], round % NEW.length)
  }
  await end()
}

describe('a fleet that goes from connect-mongo to this package and back', () => {
  /** @type {unknown} */
  let failure

  before(async () => {
    const url = (await server).getUri().replace(/\/$/, '')
    client = await MongoClient.connect(url)
    fleet = new Fleet(url, client)
    const random = randomNumbers(seed)
    parts = Object.keys(CONFIGURATIONS).map((name) => partOf(name, random))
    // What the users have to complain of tells more.
    await thereAndBack().catch((error) => {
      failure = error
      for (const { log, name } of parts)
        log.problems.push(...impossibleHistories(historiesOf(log.requests, isResaved(name))))
    })
  })

  after(async () => {
    fleet.killAll()
    await client.close()
  })

  for (const name of Object.keys(CONFIGURATIONS)) {
    test(`${name}: nobody is logged out, nothing is lost, and what is stored is as ever`, () => {
      const { log } = /** @type {ReturnType<typeof partOf>} */ (parts.find((part) => part.name === name))
      const failures = fleet.failures.filter(({ configuration }) => configuration === name)
      const problems = [...log.problems, ...failuresOf(failures, log.requests)]
      assert.deepEqual(problems.slice(0, 5), [], `RANDOM_SEED=${seed}, ${problems.length} problems`)
    })
  }

  test('no process warns, prints or ends otherwise than it was told', () => {
    assert.deepEqual(fleet.problems, [])
    assert.ifError(failure)
  })
})
