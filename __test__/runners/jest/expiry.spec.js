const MongoStore = require('connect-mongo-native')
const { followsTheClock, optionsOf } = require('./clock.cjs')

const clock = {
  advance: (ms) => jest.advanceTimersByTime(ms),
  setTo: (ms) => jest.setSystemTime(ms),
}

afterEach(() => jest.useRealTimers())

/** What the JavaScript driver needs, of which 7.9.0 cannot connect from within Jest at all: the server misses its metadata. */
const doNotFake = ['nextTick', 'setImmediate', 'setTimeout', 'clearTimeout']

test.each([
  ['native', {}],
  ['driver', { doNotFake }],
])('what has expired is decided by the mocked Date, %s', async (backend, options) => {
  const store = MongoStore.create(optionsOf(backend, 'jest-expiry'))
  jest.useFakeTimers(options)
  await followsTheClock(store, clock)
  await store.close()
})
