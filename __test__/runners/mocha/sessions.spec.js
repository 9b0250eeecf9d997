const FakeTimers = require('@sinonjs/fake-timers')
const MongoStore = require('connect-mongo-native')
const { optionsOf, storesAndReads } = require('./clock.cjs')

for (const backend of ['native', 'driver'])
  it(`stores and reads, ${backend}`, async () => {
    const store = MongoStore.create(optionsOf(backend, 'mocha-sessions'))
    await storesAndReads(store)
    await store.close()
  })

it('answers while all timers, nextTick and queueMicrotask are faked', async () => {
  const store = MongoStore.create(optionsOf('native', 'mocha-timers'))
  const clock = FakeTimers.install({ now: Date.now() })
  try {
    await storesAndReads(store)
    await store.close()
  } finally {
    clock.uninstall()
  }
})
