import MongoStore from 'connect-mongo-native'
import { afterEach, expect, test, vi } from 'vitest'
import { optionsOf, storesAndReads } from './clock.cjs'

afterEach(() => {
  vi.useRealTimers()
})

test.each(['native', 'driver'])('stores and reads, %s', async (backend) => {
  const store = MongoStore.create(optionsOf(backend, 'vitest-sessions'))
  expect(store.backend).toBe(backend)
  await storesAndReads(store)
  await store.close()
})

test('answers while all timers are faked', async () => {
  const store = MongoStore.create(optionsOf('native', 'vitest-timers'))
  vi.useFakeTimers()
  await storesAndReads(store)
  await store.close()
})

test('works once modules have been reset', async () => {
  vi.resetModules()
  const { default: Fresh } = await import('connect-mongo-native')
  const store = Fresh.create(optionsOf('native', 'vitest-modules'))
  await storesAndReads(store)
  await store.close()
})
