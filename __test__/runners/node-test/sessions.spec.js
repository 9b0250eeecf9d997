const { afterEach, mock, test } = require('node:test')
const MongoStore = require('connect-mongo-native')
const { optionsOf, storesAndReads } = require('./clock.cjs')

afterEach(() => mock.timers.reset())

for (const backend of ['native', 'driver'])
  test(`stores and reads, ${backend}`, async () => {
    const store = MongoStore.create(optionsOf(backend, 'node-test-sessions'))
    await storesAndReads(store)
    await store.close()
  })

test('answers while all timers are mocked', async () => {
  const store = MongoStore.create(optionsOf('native', 'node-test-timers'))
  mock.timers.enable({ now: Date.now() })
  await storesAndReads(store)
  await store.close()
})
