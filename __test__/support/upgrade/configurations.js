// The options with which a fleet runs, the same for connect-mongo 6 and for this package, and what a request does to a session.
'use strict'

const { promised } = require('../wait.js')

/**
 * @typedef {Record<string, any>} Data of a session, without its cookie
 *
 * @typedef {object} Configuration
 * @property {(exports: any) => Record<string, any>} options of a store, given what its package exports
 * @property {string} [collectionName]
 * @property {Record<string, any>} [session] options of express-session
 * @property {number} [ttlMs] how long a session lives whose cookie ends with the browser
 * @property {boolean} [isTouched] whether a request that changes nothing writes
 * @property {(id: string) => string} [sidOf] the session id that is stored under this one
 */

const SECRET = 'Correct-Horse-42-Battery!'
const HOUR_MS = 60 * 60 * 1000
const DEFAULT_TTL_MS = 14 * 24 * HOUR_MS

const base64 = {
  serialize: (/** @type {unknown} */ session) => Buffer.from(JSON.stringify(session)).toString('base64'),
  unserialize: (/** @type {string} */ stored) => JSON.parse(Buffer.from(stored, 'base64').toString()),
}

/** @type {Record<string, Configuration>} */
const CONFIGURATIONS = {
  plain: { options: () => ({}) },
  crypto: { options: () => ({ crypto: { secret: SECRET } }) },
  touchAfter: { options: () => ({ touchAfter: 3600 }), isTouched: false },
  'stringify: false': { options: () => ({ stringify: false }) },
  timestamps: { options: () => ({ timestamps: true }) },
  'crypto and touchAfter': {
    options: () => ({ crypto: { secret: SECRET }, touchAfter: 3600 }),
    isTouched: false,
  },
  'an adapter of Web Crypto': {
    options: ({ createWebCryptoAdapter }) => ({ cryptoAdapter: createWebCryptoAdapter({ secret: SECRET }) }),
  },
  'stringify: false, timestamps and a touchAfter that lets every touch through': {
    options: () => ({ stringify: false, timestamps: true, touchAfter: 1e-9 }),
  },
  'transformId, ttl, collectionName and autoRemove: interval': {
    options: () => ({
      transformId: (/** @type {string} */ sid) => `app:${sid}`,
      ttl: 3600,
      collectionName: 'visits',
      autoRemove: 'interval',
      autoRemoveInterval: 0.005,
    }),
    collectionName: 'visits',
    session: { cookie: { maxAge: null } },
    ttlMs: HOUR_MS,
    sidOf: (id) => id.replace(/^app:/, ''),
  },
  'functions of its own, resave and rolling': {
    options: () => base64,
    session: { resave: true, rolling: true },
  },
}

/** The database of a configuration, and the path below which it is served. @param {string} name */
const slugOf = (name) => `upgrade_${Object.keys(CONFIGURATIONS).indexOf(name)}`

/** What the session of a user begins with: all that a session may hold, in whatever way it is stored. @param {string} user @returns {Data} */
const firstData = (user) => ({
  user,
  last: '',
  count: 0,
  cart: { apples: 0, pears: 0 },
  since: new Date(),
  roles: ['admin', { n: 0.5, none: null }],
  large: 2 ** 40,
  'ключ.$': 'Zoë 🔑',
})

/** @typedef {{ session: any, id: string, user: string, maxAge: number | null }} Asked */

/**
 * What a request does to the session of a user who is logged in. Each change notes the id of its request in the session, so that no two
 * leave the same.
 *
 * @type {Record<string, (asked: Asked) => unknown>}
 */
const CHANGES = {
  count: ({ session, id }) => Object.assign(session, { count: session.count + 1, last: id }),
  buy: ({ session, id }) => {
    session.cart[id.length % 2 ? 'apples' : 'pears'] += 1
    session.last = id
  },
  remember: ({ session, id, maxAge }) => {
    session.cookie.maxAge = maxAge
    session.last = id
  },
  save: (asked) => {
    CHANGES.count(asked)
    return promised(asked.session, 'save')
  },
  expire: ({ session, id }) => {
    session.cookie.maxAge = -1000
    session.last = id
  },
}

module.exports = { CHANGES, CONFIGURATIONS, DEFAULT_TTL_MS, HOUR_MS, firstData, slugOf }
