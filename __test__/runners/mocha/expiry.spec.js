const FakeTimers = require('@sinonjs/fake-timers')
const MongoStore = require('connect-mongo-native')
const sinon = require('sinon')
const { followsTheClock, optionsOf } = require('./clock.cjs')

/** By what fakes the timers: how, and for which backend. */
const FAKES = [
  ['sinon', 'native', () => sinon.useFakeTimers({ now: Date.now() })],
  ['sinon', 'driver', () => sinon.useFakeTimers({ now: Date.now(), toFake: ['Date'] })],
  ['fake-timers', 'native', () => FakeTimers.install({ now: Date.now() })],
  ['fake-timers', 'driver', () => FakeTimers.install({ now: Date.now(), toFake: ['Date'] })],
]

for (const [library, backend, install] of FAKES)
  it(`what has expired is decided by the Date of ${library}, ${backend}`, async () => {
    const store = MongoStore.create(optionsOf(backend, `mocha-expiry-${library}`))
    const clock = install()
    try {
      await followsTheClock(store, {
        advance: (ms) => clock.tick(ms),
        setTo: (ms) => clock.setSystemTime(ms),
      })
    } finally {
      if (library === 'sinon') clock.restore()
      else clock.uninstall()
    }
    await store.close()
  })
