// The command `migrate` as a person runs it, in a process of its own.
'use strict'

const assert = require('node:assert/strict')
const { startCli } = require('./cli.js')
const { expressSession, fromNow } = require('./sessions.js')

/** @param {string[]} args @param {Parameters<typeof startCli>[1]} [options] */
function startMigrate(args, options) {
  return startCli(['migrate', ...args], options)
}

/** @param {string[]} args @param {Parameters<typeof startCli>[1]} [options] */
function migrate(args, options) {
  return startMigrate(args, options).ended
}

/** @param {string[]} args @returns {Promise<any>} the report of a run in which nothing went wrong */
async function report(args) {
  const run = await migrate([...args, '--json'])
  assert.equal(run.stderr, '')
  assert.equal(run.code, 0, run.stdout)
  return run.json
}

/** What apps keep, by session ids such as express-session makes. @returns {Record<string, any>} */
function sessionsOfApp() {
  const browserSession = expressSession({ theme: 'dark' })
  browserSession.cookie.expires = null
  browserSession.cookie.originalMaxAge = null
  const soon = expressSession({ cart: [] })
  soon.cookie.expires = fromNow(3_600_123)
  return {
    'Vt1-_plainAsciiSession0000000001': expressSession({ user: 'ann', views: 3 }),
    'emoji_Session-00000000000000002x': expressSession({
      name: 'Zoë 👩‍🚀 \u0001 "quoted" \\ \u2028',
      ключ: ['日本', null, 1.5, true],
    }),
    'nestedSession-000000000000000003': expressSession({
      a: { b: { c: [{ d: [[[]]] }, {}] } },
      passport: { user: { id: 7 } },
    }),
    'largeSession--000000000000000004': expressSession({
      text: 'ä'.repeat(300_000),
      list: Array.from({ length: 5000 }, (_, i) => i),
    }),
    browserSession000000000000000005: browserSession,
    soonOver00000000000000000000006x: soon,
  }
}

/** @param {any} value @returns {any} as JSON has it */
function jsonOf(value) {
  return JSON.parse(JSON.stringify(value))
}

module.exports = { jsonOf, migrate, report, sessionsOfApp, startMigrate }
