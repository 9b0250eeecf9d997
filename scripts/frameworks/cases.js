// The example apps, and how each is driven; the projects of test runners, and how each is run.
'use strict'

const path = require('node:path')
const { ROOT } = require('../setup.js')
const { countLogInAndOut } = require('./visitors.js')

/** Its own, so that the session outlives its cookie: https://github.com/koajs/session/blob/7.0.2/src/context.ts */
const KOA_SESSION_MARGIN_MS = 10_000

/**
 * @typedef {import('./visitors.js').Visit} Visit
 *
 * @typedef {object} App
 * @property {string} name of its folder
 * @property {boolean} isFast
 * @property {string[]} [builds] scripts, each of which gives an app to be driven
 * @property {(visit: Visit) => Promise<void>} drive
 */

/** @type {App[]} */
const APPS = [
  { name: 'fastify', isFast: true, drive: (visit) => countLogInAndOut(visit) },
  {
    name: 'koa',
    isFast: true,
    drive: (visit) => countLogInAndOut(visit, { marginMs: KOA_SESSION_MARGIN_MS }),
  },
  { name: 'koa-generic-session', isFast: true, drive: (visit) => countLogInAndOut(visit) },
  { name: 'socket.io', isFast: true, drive: require('./visits/socket.io.js') },
  { name: 'passport', isFast: true, drive: require('./visits/passport.js') },
  { name: 'typescript-esm', isFast: true, builds: ['build'], drive: require('./visits/typescript-esm.js') },
  { name: 'graphql', isFast: false, drive: require('./visits/graphql.js') },
  { name: 'nestjs', isFast: false, builds: ['build'], drive: (visit) => countLogInAndOut(visit) },
  {
    name: 'next',
    isFast: false,
    builds: ['build:webpack', 'build:turbopack'],
    drive: require('./visits/next.js'),
  },
]

/**
 * @typedef {object} Runner
 * @property {string} name of its folder
 * @property {boolean} isFast
 * @property {string[]} runs scripts
 */

/** @type {Runner[]} */
const RUNNERS = [
  { name: 'jest', isFast: false, runs: ['test', 'test:in-band'] },
  { name: 'vitest', isFast: false, runs: ['test:forks', 'test:threads', 'test:vm-threads'] },
  { name: 'node-test', isFast: true, runs: ['test'] },
  { name: 'mocha', isFast: false, runs: ['test', 'test:parallel'] },
]

const EXAMPLES = path.join(ROOT, 'example')
const PROJECTS = path.join(ROOT, '__test__', 'runners')

/** What all projects of test runners have in their folders. */
const COMMON = 'clock.cjs'

module.exports = { APPS, COMMON, EXAMPLES, PROJECTS, RUNNERS }
