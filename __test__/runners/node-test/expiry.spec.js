const { afterEach, mock, test } = require('node:test')
const MongoStore = require('connect-mongo-native')
const { followsTheClock, optionsOf } = require('./clock.cjs')

const clock = {
  advance: (ms) => mock.timers.tick(ms),
  setTo: (ms) => mock.timers.setTime(ms),
}

afterEach(() => mock.timers.reset())

const APIS = { native: ['Date', 'setTimeout', 'setInterval', 'setImmediate'], driver: ['Date'] }

for (const [backend, apis] of Object.entries(APIS))
  test(`what has expired is decided by the mocked Date, ${backend}`, async () => {
    const store = MongoStore.create(optionsOf(backend, 'node-test-expiry'))
    mock.timers.enable({ apis, now: Date.now() })
    await followsTheClock(store, clock)
    await store.close()
  })
