import MongoStore from 'connect-mongo-native'
import { afterEach, test, vi } from 'vitest'
import { followsTheClock, optionsOf } from './clock.cjs'

const clock = {
  advance: (ms) => vi.advanceTimersByTime(ms),
  setTo: (ms) => vi.setSystemTime(ms),
}

afterEach(() => {
  vi.useRealTimers()
})

test.each([
  ['native', {}],
  ['driver', { toFake: ['Date'] }],
])('what has expired is decided by the mocked Date, %s', async (backend, options) => {
  const store = MongoStore.create(optionsOf(backend, 'vitest-expiry'))
  vi.useFakeTimers(options)
  await followsTheClock(store, clock)
  await store.close()
})
