// The command line.
'use strict'

const { parseArgs } = require('node:util')
const { drawCurves } = require('./curves.js')
const { DRAWN_STORES, drawGlance } = require('./glance.js')
const { OPERATIONS } = require('./operations.js')
const { runBeside } = require('./parts/beside.js')
const { runCrypto } = require('./parts/crypto.js')
const { runExpress } = require('./parts/express.js')
const { runOperations } = require('./parts/operations.js')
const { runScale } = require('./parts/scale.js')
const { runSoak } = require('./parts/soak.js')
const { runStart } = require('./parts/start.js')
const { runUsers } = require('./parts/users.js')
const { CHANNEL_STORES, CRYPTO_STORES, FLOOR, STORES, USER_STORES } = require('./stores.js')
const { AT_ONCE: DRAWN_AT, draw } = require('./svg.js')

/**
 * @typedef {import('./servers.js').Servers} Servers
 *
 * @typedef {object} Part
 * @property {(options: any, servers: Servers) => Promise<{ results: any[], text: string, hasFailed?: boolean }>} run
 * @property {string[]} stores that it knows
 * @property {Record<string, any>} defaults of all of its options
 * @property {Record<string, any>} quick instead of them with --quick: enough to see that everything runs
 * @property {Record<string, any>} [full] instead of them with --full
 * @property {string[]} packages whose versions matter beside those of the stores
 * @property {{ file: string, draw: (about: any, results: any[], options: any) => string }} [chart] of its results, in docs/
 */

const ALL_STORES = Object.keys(STORES)
/** A child has room for the times of so many operations, in 30 slices. */
const MOST_MILLIONS = 30

/** @type {Record<string, Part>} */
const PARTS = {
  operations: {
    run: runOperations,
    chart: { file: 'benchmark.svg', draw },
    stores: [...ALL_STORES, FLOOR],
    defaults: {
      stores: [...ALL_STORES, FLOOR],
      operations: Object.keys(OPERATIONS),
      at: [1, 32, 128],
      size: [1000],
      sessions: undefined,
      rounds: 3,
      seconds: 1,
    },
    quick: { at: [1, 32], rounds: 1, seconds: 0.06 },
    full: { at: [1, 8, 32, 128, 512], size: [300, 1000, 10_000, 100_000], rounds: 5 },
    packages: ['express-session'],
  },
  express: {
    run: runExpress,
    chart: { file: 'glance.svg', draw: drawGlance },
    stores: ALL_STORES,
    defaults: { stores: ALL_STORES, size: [1000], cookies: [64, 8], rounds: 3, seconds: 5 },
    quick: { rounds: 1, seconds: 1 },
    packages: ['express', 'express-session', 'autocannon'],
  },
  start: {
    run: runStart,
    stores: ALL_STORES,
    defaults: { stores: ALL_STORES, rounds: 15 },
    quick: { rounds: 1 },
    packages: ['express-session'],
  },
  scale: {
    run: runScale,
    chart: { file: 'scale.svg', draw: drawCurves },
    stores: ALL_STORES,
    defaults: {
      stores: ['native', 'connect-mongo', 'connect-redis'],
      operations: ['get', 'set'],
      rounds: 3,
      seconds: 2,
      stored: [10_000, 100_000, 1_000_000],
      size: [200, 1000, 10_000, 100_000, 1_000_000],
      at: [1, 8, 32, 128, 512, 2048],
      processes: [1, 2, 4, 8],
      delay: [0, 1, 5, 20],
    },
    quick: {
      stores: ['native'],
      rounds: 1,
      seconds: 0.06,
      stored: [2000],
      size: [200],
      at: [32],
      processes: [2],
      delay: [5],
    },
    full: { stored: [10_000, 100_000, 1_000_000, 10_000_000], rounds: 5 },
    packages: ['express-session'],
  },
  beside: {
    run: runBeside,
    stores: ALL_STORES,
    defaults: {
      stores: ['native', 'connect-mongo', 'connect-redis'],
      at: [32],
      size: [1_000_000, 10_000_000],
      rounds: 5,
      seconds: 4,
    },
    quick: { stores: ['native'], size: [1_000_000], rounds: 1, seconds: 0.3 },
    packages: ['express-session'],
  },
  soak: {
    run: runSoak,
    stores: [...ALL_STORES, ...Object.keys(CRYPTO_STORES)],
    defaults: { stores: ['native', 'kruptein'], millions: 10 },
    quick: { millions: 0.01 },
    packages: ['express-session'],
  },
  crypto: {
    run: runCrypto,
    stores: Object.keys(CRYPTO_STORES),
    defaults: {
      stores: Object.keys(CRYPTO_STORES),
      operations: ['get', 'set'],
      at: [8],
      size: [1000],
      rounds: 9,
      seconds: 1,
    },
    quick: { rounds: 1, seconds: 0.06 },
    packages: ['express-session'],
  },
  users: {
    run: runUsers,
    stores: Object.keys(USER_STORES),
    defaults: {
      stores: Object.keys(USER_STORES),
      operations: Object.keys(OPERATIONS),
      at: [1, 32, 128],
      size: [1000],
      rounds: 9,
      seconds: 1,
      stored: 1_000_000,
    },
    quick: { at: [32], rounds: 1, seconds: 0.06, stored: 1000 },
    packages: ['express-session'],
  },
  channels: {
    run: runOperations,
    stores: Object.keys(CHANNEL_STORES),
    defaults: {
      stores: Object.keys(CHANNEL_STORES),
      operations: Object.keys(OPERATIONS),
      at: [1, 128],
      size: [1000],
      rounds: 7,
      seconds: 1,
    },
    quick: { at: [32], rounds: 1, seconds: 0.06 },
    packages: ['express-session'],
  },
}

const HELP = `npm run bench -- [PART] [OPTION …]

Measures session stores in turn, on a mongod (and, where there is one, a Redis) that is started for the run.
MONGO_URL=mongodb://… uses that server instead of a new one.

  operations       get, set and touch by themselves: this is what runs without a PART
  express          an Express app behind each store, 64 connections: get + touch, get + set
  start            from require to the first answered get, in fresh processes
  scale            how cost grows with sessions, their size, calls at once, processes and the time of the network
  beside           how long small sessions take beside large ones, and when the server stands still
  soak             whether memory, files and threads stay what they were over millions of mixed operations
  crypto           encrypted sessions
  users            what the option index costs, and finding the sessions of a user
  channels         what it costs that somebody hears of operations and commands

  --full           operations: 1 to 512 at once, sessions of 0.3 to 100 kB, 5 rounds (about an hour); scale: ten
                   million sessions as well
  --quick          any part: as little as shows that everything runs
  --at LIST        operations at once, for example --at 1,32
  --size LIST      sizes of a session as JSON, in bytes
  --cookies LIST   express: how many sessions the 64 connections have
  --stores LIST    ${[...ALL_STORES, FLOOR].join(',')}
                   for crypto: ${Object.keys(CRYPTO_STORES).join(',')}
                   for users: ${Object.keys(USER_STORES).join(',')}
                   for channels: ${Object.keys(CHANNEL_STORES).join(',')}
                   the ratios are those of the first to each of the others
  --operations LIST   get,set,touch
  --sessions N     operations: over how many sessions; with few, several running operations are about one
  --rounds N       how often each store is measured
  --seconds N      length of one measurement; before it a third of that to warm up
  --stored N       users: how many sessions are stored; scale: a list
  --processes LIST    scale: how many of them at a time
  --delay LIST     scale: what the network takes there and back, in milliseconds
  --millions N     soak: of how many, divided among the stores; at most ${MOST_MILLIONS}
  --json FILE      also writes all figures, versions and the machine
  --svg            operations: also draws docs/benchmark.svg; express: docs/glance.svg; scale: docs/scale.svg
  --help
`

/** @param {string} text @param {string} option */
function positive(text, option) {
  const number = Number(text)
  if (!(number > 0)) throw new Error(`--${option} needs a number above 0, not ${text}`)
  return number
}

/** @param {string} text @param {string} option */
function positiveInteger(text, option) {
  const number = positive(text, option)
  if (!Number.isSafeInteger(number)) throw new Error(`--${option} needs a whole number, not ${text}`)
  return number
}

/** @param {string} text @param {string} option */
function integers(text, option) {
  return text.split(',').map((one) => positiveInteger(one, option))
}

/** @param {string} text @param {string} option */
function milliseconds(text, option) {
  return text.split(',').map((one) => (one === '0' ? 0 : positive(one, option)))
}

/** @param {string} text @param {string} option @param {string[]} known */
function names(text, option, known) {
  const chosen = [...new Set(text.split(','))]
  const wrong = chosen.find((name) => !known.includes(name))
  if (wrong !== undefined) throw new Error(`--${option} knows ${known.join(', ')}, not ${wrong}`)
  return chosen
}

/** How the value of an option is read. @type {Record<string, (text: string, option: string, part: Part) => any>} */
const READERS = {
  at: integers,
  size: integers,
  cookies: integers,
  stores: (text, option, part) => names(text, option, part.stores),
  operations: (text, option) => names(text, option, Object.keys(OPERATIONS)),
  rounds: positiveInteger,
  sessions: positiveInteger,
  seconds: positive,
  stored: (text, option, part) =>
    Array.isArray(part.defaults.stored) ? integers(text, option) : positiveInteger(text, option),
  processes: integers,
  delay: milliseconds,
  millions(text, option) {
    const millions = positive(text, option)
    if (millions > MOST_MILLIONS) throw new Error(`--${option} takes at most ${MOST_MILLIONS}, not ${text}`)
    return millions
  },
}

const FLAGS = ['full', 'quick', 'svg', 'help']

/** @param {string[]} args @returns {{ values: Record<string, any>, positionals: string[] }} */
function parse(args) {
  const flags = FLAGS.map((name) => [name, { type: 'boolean' }])
  const valued = [...Object.keys(READERS), 'json'].map((name) => [name, { type: 'string' }])
  return parseArgs({ args, allowPositionals: true, options: Object.fromEntries([...flags, ...valued]) })
}

/** @param {Part} part @param {Record<string, any>} values @returns {Record<string, any>} */
function preset({ defaults, quick, full }, values) {
  if (values.quick) return { ...defaults, ...quick }
  if (!values.full) return defaults
  if (!full) throw new Error('--full belongs to the parts operations and scale')
  return { ...defaults, ...full }
}

/** @param {Part} part @param {Record<string, any>} values */
function chosen(part, values) {
  const given = Object.keys(READERS).filter((option) => values[option] !== undefined)
  const foreign = given.find((option) => !(option in part.defaults))
  if (foreign) throw new Error(`--${foreign} does not belong to this part`)
  return Object.fromEntries(given.map((option) => [option, READERS[option](values[option], option, part)]))
}

/** @param {string[]} args */
function readOptions(args) {
  const { values, positionals } = parse(args)
  const [name = 'operations', ...rest] = positionals
  if (rest.length || !Object.hasOwn(PARTS, name)) {
    throw new Error(`The parts are ${Object.keys(PARTS).join(', ')}, not ${positionals.join(' ')}`)
  }
  const part = PARTS[name]
  const options = { ...preset(part, values), ...chosen(part, values) }
  if (values.svg && !part.chart) throw new Error('--svg belongs to the parts operations, express and scale')
  if (values.svg && name === 'operations' && !DRAWN_AT.some((atOnce) => options.at.includes(atOnce))) {
    throw new Error(`--svg draws ${DRAWN_AT.join(' and ')} at once: have them in --at`)
  }
  if (values.svg && name === 'express' && !DRAWN_STORES.every((store) => options.stores.includes(store))) {
    throw new Error(`--svg draws ${DRAWN_STORES.join(' and ')}: have them in --stores`)
  }
  return {
    part,
    options,
    help: Boolean(values.help),
    json: /** @type {string | undefined} */ (values.json),
    svg: Boolean(values.svg),
  }
}

module.exports = { HELP, readOptions }
