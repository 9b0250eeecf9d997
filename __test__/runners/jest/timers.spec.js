const MongoStore = require('connect-mongo-native')
const { optionsOf, storesAndReads } = require('./clock.cjs')

afterEach(() => jest.useRealTimers())

test('answers while jest fakes all timers, nextTick and queueMicrotask', async () => {
  const store = MongoStore.create(optionsOf('native', 'jest-timers'))
  jest.useFakeTimers()
  await storesAndReads(store)
  await store.close()
})

test('answers when it was made while all of them are faked', async () => {
  jest.useFakeTimers()
  jest.resetModules()
  const Fresh = require('connect-mongo-native')
  const store = Fresh.create(optionsOf('native', 'jest-timers-fresh'))
  jest.useRealTimers()
  await storesAndReads(store)
  await store.close()
})
