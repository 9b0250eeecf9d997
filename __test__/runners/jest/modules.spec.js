const { optionsOf, storesAndReads } = require('./clock.cjs')

test('works in each registry of modules, beside those of before', async () => {
  const stores = [1, 2, 3].map((nth) => {
    jest.resetModules()
    const MongoStore = require('connect-mongo-native')
    return MongoStore.create(optionsOf('native', `jest-modules-${nth}`))
  })
  expect(new Set(stores.map((store) => Object.getPrototypeOf(store))).size).toBe(3)
  for (const store of stores) {
    expect(store.backend).toBe('native')
    await storesAndReads(store)
  }
  await Promise.all(stores.map((store) => store.close()))
})

test('works in isolated modules', async () => {
  await jest.isolateModulesAsync(async () => {
    const MongoStore = require('connect-mongo-native')
    const store = MongoStore.create(optionsOf('native', 'jest-isolated'))
    await storesAndReads(store)
    await store.close()
  })
})
