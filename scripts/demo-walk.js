// `npm run demo -- --once`: what a person would click, over HTTP. Each step is checked in the page and, through another client, in MongoDB.
'use strict'

const assert = require('node:assert/strict')

/** A browser as small as it gets: it keeps cookies and follows the redirect after a form. @param {string} address */
function createBrowser(address) {
  /** @type {Map<string, string>} */
  const cookies = new Map()

  /** @param {string} path @param {Record<string, string>} [form] */
  async function send(path, form) {
    const response = await fetch(address + path, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /** @type {RegExpExecArray} */ (/^([^=]+)=([^;]*)/.exec(line))
      if (value) cookies.set(name, value)
      else cookies.delete(name)
    }
    return response
  }

  /** @param {string} path @param {Record<string, string>} [form] @returns {Promise<string>} */
  async function visit(path, form) {
    const response = await send(path, form)
    if (response.status === 303) return visit(/** @type {string} */ (response.headers.get('location')))
    assert.equal(response.status, 200, `${form ? 'POST' : 'GET'} ${path}`)
    return response.text()
  }

  /** express-session's cookie is `s:ID.SIGNATURE` @returns {string | undefined} */
  function sessionId() {
    return /^s:([^.]+)\./.exec(decodeURIComponent(cookies.get('connect.sid') ?? ''))?.[1]
  }

  return { send, visit, sessionId }
}

/** @param {string} page @returns {number} */
function countOn(page) {
  return Number(/id="count">(\d+)</.exec(page)?.[1])
}

/** @param {string} title */
function heading(title) {
  console.log(`\n${title}`)
}

/** @param {unknown} document */
function print(document) {
  const { show } = require('../example/app.js')
  console.log(show(document).replace(/^/gm, '    '))
}

/** @typedef {ReturnType<typeof createBrowser>} Browser */

/**
 * The whole life of one session.
 *
 * @param {Browser} browser
 * @param {import('mongodb').Db} db
 */
async function walkThroughLife(browser, db) {
  const sessions = /** @type {import('mongodb').Collection<any>} */ (db.collection('sessions'))
  const stored = async () => {
    const document = await sessions.findOne({ _id: browser.sessionId() })
    assert.ok(document, `${sessions.namespace} does not hold the session ${browser.sessionId()}`)
    return document
  }

  heading('1. Visit the page')
  await browser.visit('/')
  assert.equal(browser.sessionId(), undefined)
  console.log('   No cookie, and nothing stored: there is nothing to remember yet.')

  heading('2. Log in as Ada')
  await browser.visit('/login', { name: 'Ada' })
  const created = await stored()
  assert.deepEqual(JSON.parse(created.session).user, { name: 'Ada', count: 0 })
  console.log(`   Created. The document in ${sessions.namespace}, as MongoDB holds it:`)
  print(created)

  heading('3. Count three times')
  for (const expected of [1, 2, 3]) {
    assert.equal(countOn(await browser.visit('/count', {})), expected)
    assert.equal(JSON.parse((await stored()).session).user.count, expected)
    console.log(`   The page, which read the session back, says ${expected}, and so does the document.`)
  }
  const counted = await stored()
  print(counted)

  heading('4. Visit the page again, changing nothing')
  assert.equal(countOn(await browser.visit('/')), 3)
  const touched = await stored()
  assert.equal(touched.session, counted.session)
  assert.ok(touched.expires > counted.expires, 'expires did not move')
  console.log('   Touched: the session is the same, and `expires` moved on.')
  console.log(`    from ${counted.expires.toISOString()}\n    to   ${touched.expires.toISOString()}`)

  await walkThroughSwitches(browser, db)

  heading('6. Log out')
  await browser.visit('/logout', {})
  assert.equal(browser.sessionId(), undefined)
  assert.equal(await sessions.findOne({ _id: created._id }), null)
  console.log('   Destroyed: the document is gone, and so is the cookie.')
}

/**
 * Back to where it began, and the session goes along each time.
 *
 * @param {Browser} browser
 * @param {import('mongodb').Db} db
 */
async function walkThroughSwitches(browser, db) {
  /** @param {Record<string, string>} change @param {string} collection */
  async function flip(change, collection) {
    assert.equal(countOn(await browser.visit('/switches', change)), 3)
    const documents = await db.collection(collection).find().sort({ createdAt: -1 }).toArray()
    assert.ok(documents.length, `${collection} is empty`)
    return documents[0]
  }

  heading('5. Switch on encryption, hashed ids, and merge; then all of them off')
  const encrypted = await flip({ crypto: 'on' }, 'sessions_encrypted')
  assert.equal(encrypted.session._bsontype, 'Binary')
  const hashed = await flip({ hashId: 'on' }, 'sessions_encrypted_hashed')
  assert.match(String(hashed._id), /^sha256:/)
  assert.ok(!JSON.stringify(hashed).includes(String(browser.sessionId())))
  await flip({ merge: 'on' }, 'sessions_encrypted_hashed')
  console.log('   Still logged in, still 3. The document has neither the session nor its id now:')
  print(hashed)
  const plain = await flip({ crypto: 'off', hashId: 'off', merge: 'off' }, 'sessions')
  assert.equal(plain._id, browser.sessionId())
  assert.equal(await db.collection('sessions_encrypted_hashed').countDocuments({ _id: hashed._id }), 0)
}

/**
 * Two tabs of one user, with this package and with connect-mongo.
 *
 * @param {Browser} browser
 */
async function walkThroughTabs(browser) {
  const { fillCart, logOut } = await import('../example/demo/public/scenarios.mjs')
  await browser.visit('/switches', { merge: 'on' })
  /** @param {string} store @param {typeof logOut | typeof fillCart} scenario */
  const play = (store, scenario) =>
    scenario(
      (path, form) => browser.send(`/tabs/${store}${path}`, form),
      (who, what) => console.log(`   ${store.padEnd(13)}  tab ${who} ${what}`)
    )

  heading('7. Tab A logs out while tab B saves')
  const [held, undone] = await Promise.all([play('native', logOut), play('connect-mongo', logOut)])
  console.log(`   native: ${held.verdict}. connect-mongo: ${undone.verdict}.`)
  assert.deepEqual([held.isGood, held.document, held.user], [true, null, null])
  assert.deepEqual([undone.isGood, undone.document.session.user, undone.user], [false, 'Ada', 'Ada'])

  heading("8. Both tabs fill the cart at once, here with concurrency: 'merge'")
  const [merged, overwritten] = await Promise.all([play('native', fillCart), play('connect-mongo', fillCart)])
  console.log(`   native: ${merged.verdict}. connect-mongo: ${overwritten.verdict}.`)
  assert.deepEqual(merged.document.session.cart, { apples: 1, pears: 1 })
  assert.deepEqual(overwritten.document.session.cart, { pears: 1 })
}

/** @param {string} address @param {import('mongodb').Db} db */
async function walkThrough(address, db) {
  const browser = createBrowser(address)
  await walkThroughLife(browser, db)
  await walkThroughTabs(browser)
}

module.exports = { walkThrough }
