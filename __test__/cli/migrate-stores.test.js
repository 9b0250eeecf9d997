// `migrate` between each of the other stores, as their packages write and read sessions, and this one.
'use strict'

const assert = require('node:assert/strict')
const { createHash } = require('node:crypto')
const { describe, test } = require('node:test')
const { openDatabase } = require('../support/database.js')
const { FOREIGN_STORES } = require('../support/foreign-stores.js')
const { jsonOf, migrate, report, sessionsOfApp } = require('../support/migrate.js')
const { LATER, expressSession, fromNow } = require('../support/sessions.js')

/** @typedef {import('../support/foreign-stores.js').ForeignKind} ForeignKind */

/** @param {import('node:test').TestContext} t @param {ForeignKind} kind @param {import('../support/foreign-stores.js').OpenOptions} [options] */
async function openBoth(t, kind, options) {
  const foreign = await kind.open(options)
  t.after(() => foreign.close())
  return { foreign, ...(await openDatabase(t)) }
}

/** A cookie that is read here ends with its document. @param {any} session @param {Date} expires */
function endingThen(session, expires) {
  const { cookie } = session
  return { ...session, cookie: { ...cookie, expires: cookie.expires && expires.toISOString() } }
}

/** @param {string} sid */
function hashOf(sid) {
  return createHash('sha256').update(sid).digest('hex').slice(0, 12)
}

for (const kind of FOREIGN_STORES) {
  describe(`${kind.name}:`, { skip: kind.skip }, () => {
    for (const hasUsualNames of [true, false]) {
      const names = hasUsualNames ? 'its usual names' : 'other names'

      test(`what it stored under ${names} is read here, with the same end`, async (t) => {
        const { foreign, url, sessions, open } = await openBoth(t, kind, { hasUsualNames })
        const given = sessionsOfApp()
        for (const [sid, session] of Object.entries(given)) await foreign.set(sid, session)
        const { written, read } = await report(['--url', url, '--from', foreign.url, ...foreign.flags])
        const count = Object.keys(given).length
        assert.deepEqual({ written, read }, { written: count, read: count })
        const store = open()
        for (const sid of Object.keys(given)) {
          const document = await sessions.findOne({ _id: sid })
          assert.deepEqual(Object.keys(document).sort(), ['_id', 'expires', 'session'])
          const session = await foreign.get(sid)
          assert.equal(document.session, JSON.stringify(session))
          assert.equal(document.expires.getTime(), await foreign.endOf(sid))
          assert.deepEqual(jsonOf(await store.get(sid)), endingThen(jsonOf(session), document.expires))
        }
      })

      test(`what is stored here is read by it under ${names}, with the same end`, async (t) => {
        const { foreign, url, sessions, open } = await openBoth(t, kind, { hasUsualNames })
        const given = sessionsOfApp()
        const store = open()
        for (const [sid, session] of Object.entries(given)) await store.set(sid, session)
        const { written, isRounded } = await report(['--url', url, '--to', foreign.url, ...foreign.flags])
        assert.equal(written, Object.keys(given).length)
        assert.equal(isRounded, !kind.isExact)
        for (const sid of Object.keys(given)) {
          const { expires } = await sessions.findOne({ _id: sid })
          const endMs = kind.isExact ? expires.getTime() : Math.ceil(expires.getTime() / 1000) * 1000
          assert.equal(await foreign.endOf(sid), endMs)
          assert.deepEqual(jsonOf(await foreign.get(sid)), jsonOf(await store.get(sid)))
        }
      })
    }

    test('large sessions are carried, and one that is too large is named', async (t) => {
      const { foreign, url, open } = await openBoth(t, kind)
      const store = open()
      const saves = Array.from({ length: 20 }, (_, n) =>
        store.set(`large-${n}`, expressSession({ text: `"${n}"`.repeat(20_000) }))
      )
      await Promise.all(saves)
      // Escaped twice it is more than MariaDB takes at a time.
      await store.set('large-and-of-quotes', expressSession({ text: '"'.repeat(300_000) }))
      const run = await migrate(['--url', url, '--to', foreign.url, ...foreign.flags, '--json'])
      const isRefused = kind.name === 'express-mysql-session'
      assert.deepEqual(
        { code: run.code, written: run.json.written, refused: run.json.refused },
        isRefused ? { code: 1, written: 20, refused: 1 } : { code: 0, written: 21, refused: 0 }
      )
      assert.equal((await foreign.get('large-19'))?.text.length, 80_000)
    })

    test('a second run changes nothing, there and back', async (t) => {
      const { foreign, url, sessions } = await openBoth(t, kind)
      for (const [sid, session] of Object.entries(sessionsOfApp())) await foreign.set(sid, session)
      const options = ['--url', url, ...foreign.flags]
      await report([...options, '--from', foreign.url])
      const before = await sessions.find().toArray()
      const { written, kept, read } = await report([...options, '--from', foreign.url])
      assert.deepEqual({ written, kept }, { written: 0, kept: read })
      assert.equal((await report([...options, '--to', foreign.url])).written, 0)
      assert.deepEqual(await sessions.find().toArray(), before)
    })

    test('of two sessions the one that ends later stays, and --overwrite takes the other', async (t) => {
      const { foreign, url, sessions, open } = await openBoth(t, kind)
      const store = open()
      const endingIn = (/** @type {number} */ hours, /** @type {object} */ data) => {
        const session = expressSession(data)
        session.cookie.expires = fromNow(hours * 3_600_000)
        return session
      }
      await foreign.set('is-newer-there', endingIn(2, { of: 'there' }))
      await store.set('is-newer-there', endingIn(1, { of: 'here' }))
      await foreign.set('is-newer-here', endingIn(1, { of: 'there' }))
      await store.set('is-newer-here', endingIn(2, { of: 'here' }))
      const from = ['--url', url, '--from', foreign.url, ...foreign.flags]
      const to = ['--url', url, '--to', foreign.url, ...foreign.flags]
      const ofHere = async (/** @type {string} */ sid) => (await store.get(sid))?.of
      const ofThere = async (/** @type {string} */ sid) => (await foreign.get(sid))?.of

      assert.equal((await report(from)).written, 1)
      assert.deepEqual([await ofHere('is-newer-there'), await ofHere('is-newer-here')], ['there', 'here'])
      assert.equal((await report(to)).written, 1)
      assert.deepEqual([await ofThere('is-newer-there'), await ofThere('is-newer-here')], ['there', 'here'])

      await store.set('is-newer-here', endingIn(3, { of: 'a later one' }))
      assert.equal((await report([...from, '--overwrite'])).written, 2)
      assert.equal(await ofHere('is-newer-here'), 'here')
      const { expires } = await sessions.findOne({ _id: 'is-newer-here' })
      assert.equal(expires.getTime(), await foreign.endOf('is-newer-here'))
    })

    test('what cannot be read is named by a hash, and ends no run', async (t) => {
      const { foreign, url, sessions } = await openBoth(t, kind)
      for (const sid of ['one-that-is-good', 'one-that-is-spoilt'])
        await foreign.set(sid, expressSession({ a: 1 }))
      await foreign.spoil('one-that-is-spoilt', 'half of a {"session')
      const run = await migrate(['--url', url, '--from', foreign.url, ...foreign.flags, '--json'])
      assert.equal(run.code, 1)
      assert.deepEqual(
        { written: run.json.written, unreadable: run.json.unreadable },
        { written: 1, unreadable: 1 }
      )
      assert.equal(run.json.unreadableIds[0].id, hashOf('one-that-is-spoilt'))
      assert.doesNotMatch(run.stdout, /spoilt|half of/)
      assert.deepEqual(await sessions.distinct('_id'), ['one-that-is-good'])
    })

    test('fields beside a session are named, in both directions', async (t) => {
      const { foreign, url, open } = await openBoth(t, kind)
      await foreign.set('of-the-others', expressSession())
      await foreign.addField?.()
      const options = ['--url', url, ...foreign.flags]
      const { fieldsLeft } = await report([...options, '--from', foreign.url])
      assert.deepEqual(fieldsLeft, foreign.addField ? ['note'] : [])
      await open({ touchAfter: 60, timestamps: true }).set('of-this-one', expressSession())
      assert.deepEqual((await report([...options, '--to', foreign.url])).fieldsLeft, [
        'createdAt',
        'lastModified',
        'updatedAt',
      ])
    })

    if (kind.hasTable)
      test('a table that is not there is named, with what makes it', async (t) => {
        const { foreign, url } = await openBoth(t, kind)
        const run = await migrate(['--url', url, '--from', foreign.url, '--table-name', 'not_there'])
        assert.match(run.stderr, /not_there.*Name it with --table-name.* makes it /)
        assert.equal(run.code, 1)
      })

    if (!kind.hasEndless) return
    test('a session without an end gets that of its cookie, or --ttl', async (t) => {
      const { foreign, url, sessions } = await openBoth(t, kind)
      const browserSession = expressSession()
      browserSession.cookie.expires = null
      await foreign.set('with-a-cookie', expressSession())
      await foreign.set('of-a-browser', browserSession)
      for (const sid of ['with-a-cookie', 'of-a-browser']) await foreign.removeEnd?.(sid)
      const from = ['--url', url, '--from', foreign.url, ...foreign.flags, '--ttl', '1000']
      const { written, withoutEnd, startedAt } = await report(from)
      assert.deepEqual({ written, withoutEnd }, { written: 2, withoutEnd: 2 })
      const endOf = async (/** @type {string} */ sid) =>
        (await sessions.findOne({ _id: sid })).expires.getTime()
      assert.equal(await endOf('with-a-cookie'), LATER.getTime())
      assert.equal(await endOf('of-a-browser'), new Date(startedAt).getTime() + 1_000_000)
      assert.equal((await report(from)).written, 0)
    })
  })
}
