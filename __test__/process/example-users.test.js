// example/users.js as people with several browsers meet it.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { createApp, createStore } = require('../../example/users.js')
const { openDatabase } = require('../support/database.js')
const { Browser, serve } = require('../support/http.js')
const { EARLIER } = require('../support/sessions.js')
const { nextEvent } = require('../support/wait.js')

/** @param {import('node:test').TestContext} t */
async function serveExample(t) {
  const { url, sessions } = await openDatabase(t)
  const store = createStore(url, 'a secret of the index')
  t.after(() => store.close())
  t.mock.method(console, 'log', () => {})
  const base = await serve(t, createApp({ store, secret: 'a secret of the cookie' }))
  return {
    store,
    sessions,
    /** @param {string} user @param {string} agent */
    async logIn(user, agent) {
      const browser = new Browser(base)
      await send(browser, '/login', { user }, agent)
      return browser
    },
  }
}

/** @param {Browser} browser @param {string} path @param {Record<string, string>} [form] @param {string} [agent] */
async function send(browser, path, form = {}, agent = 'a browser') {
  const answer = await browser.fetch(path, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'user-agent': agent },
    body: new URLSearchParams(form),
  })
  assert.equal(answer.status, 303)
}

/** @param {Browser} browser @returns {Promise<string>} */
const pageOf = async (browser) => (await browser.fetch('/')).text()

/** @param {Browser} browser */
const isLoggedIn = async (browser) => !(await pageOf(browser)).includes('Log in')

/** @param {Browser} browser @returns {Promise<string[]>} in the order of the page */
async function handlesOn(browser) {
  return [...(await pageOf(browser)).matchAll(/name="handle" value="(\w+)"/g)].map(([, handle]) => handle)
}

test('the example lists the devices of a user alone, and ends one of them, or all others', async (t) => {
  const { logIn } = await serveExample(t)
  const first = await logIn('Ann', 'one <b>')
  const second = await logIn('Ann', 'two')
  const third = await logIn('Ann', 'three')
  const other = await logIn('Bob', 'four')
  const page = await pageOf(third)
  assert.match(page, /three,.*\(this one\).*two,.*one &#60;b&#62;,/s)
  assert.doesNotMatch(page, /four|<b>/)
  const [, ofSecond] = await handlesOn(third)
  const [ofOther] = await handlesOn(other)
  await send(third, '/end', { handle: ofOther })
  await send(third, '/end', { handle: 'x' })
  await send(third, '/end', { handle: ofSecond })
  assert.deepEqual(await Promise.all([first, second, third, other].map(isLoggedIn)), [
    true,
    false,
    true,
    true,
  ])
  await send(first, '/end-others')
  assert.deepEqual(await Promise.all([first, second, third, other].map(isLoggedIn)), [
    true,
    false,
    false,
    true,
  ])
})

test('the example allows five devices, hides whose they are, and is told of those that end', async (t) => {
  const { logIn, sessions, store } = await serveExample(t)
  const evicted = nextEvent(store, 'evicted')
  const browsers = []
  for (let n = 0; n < 6; n++) browsers.push(await logIn('Ann', `browser ${n}`))
  assert.equal((await evicted)[1].login.browser, 'browser 0')
  assert.deepEqual(await Promise.all(browsers.map(isLoggedIn)), [false, true, true, true, true, true])
  const [{ index }] = await sessions.find().toArray()
  assert.match(index.user, /^[\w-]{43}$/)
  await sessions.updateMany({}, { $set: { expires: EARLIER } })
  const expired = nextEvent(store, 'expired')
  assert.equal(await isLoggedIn(browsers[5]), false)
  assert.equal((await expired)[1].login.user, 'Ann')
})
