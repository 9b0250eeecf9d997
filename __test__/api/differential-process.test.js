// What can only be seen from outside: debug output, warnings, the end of the process, and ways to import the package.
'use strict'

const assert = require('node:assert/strict')
const { EventEmitter } = require('node:events')
const session = require('express-session')
const { test } = require('node:test')
const { BACKENDS } = require('../support/backends.js')
const { implementations, inOneStyle, isSelected, runProgram } = require('../support/differential.js')
const { withDatabase } = require('../support/server.js')
const { LATER, plainSession } = require('../support/sessions.js')

const { forDifference, forEachImplementation, forOurs } = inOneStyle

const UNNAMED_DATABASE = `
  const stores = [1, 2].map(() => MongoStore.create({ mongoUrl: url, autoRemove: 'disabled' }))
  for (const store of stores) await call(store, 'length')
  for (const store of stores) await store.close()`

/** @param {string} url */
const withoutDatabase = (url) => withDatabase(url, '')

const NOBODY_THERE = 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300'

// ---- Debug output

/** @param {string} output @returns {string[]} */
const debugLines = (output) => output.split('\n').filter((line) => line.includes('connect-mongo '))

const OPERATIONS = `
  await store.collectionP
  const session = { cookie: { expires: '${LATER.toJSON()}' } }
  await call(store, 'set', 'sid', session)
  const [, fetched] = await call(store, 'get', 'sid')
  await call(store, 'touch', 'sid', fetched)
  await call(store, 'get', 'missing')
  await call(store, 'all')
  await call(store, 'length')
  await call(store, 'destroy', 'sid')
  await call(store, 'clear')
  await store.close()`

/**
 * What stands for the ids in our lines: the same for one session, and nothing of its id.
 *
 * @param {string[]} lines
 */
function withoutTags(lines) {
  /** @type {Map<string, string>} */
  const sids = new Map()
  const names = ['sid', 'missing']
  return lines.map((line) =>
    line.replace(/(?<==)[0-9a-f]{8}\b/, (tag) => {
      if (!sids.has(tag)) sids.set(tag, names[sids.size])
      return /** @type {string} */ (sids.get(tag))
    })
  )
}

/** Those with times and sizes, which connect-mongo has not. @param {string} line */
const isMeasured = (line) => / (took|after) \d+\.\d ms$/.test(line)

/** @param {string[]} start */
const expectedLines = (...start) =>
  [
    'create MongoStore instance',
    ...start,
    'MongoStore#set=sid',
    'MongoStore#get=sid',
    'MongoStore#touch=sid',
    'Skip touching session=sid',
    'MongoStore#get=missing',
    'MongoStore#all()',
    'MongoStore#length()',
    'MongoStore#destroy=sid',
    'MongoStore#clear()',
    'MongoStore#close()',
  ].map((line) => `connect-mongo ${line}`)

const DEBUGGED = {
  native: ['Creating MongoDB TTL index'],
  interval: ['create Timer to remove expired sessions'],
  disabled: [],
}

for (const [autoRemove, start] of Object.entries(DEBUGGED)) {
  const linesOf = async (/** @type {import('../support/differential.js').Context} */ context) => {
    const program = `
      const store = MongoStore.create({ mongoUrl: url, autoRemove: '${autoRemove}', touchAfter: 60 })
      ${OPERATIONS}`
    const { stderr, stdout, code } = await runProgram(context.implementation, context.url, program, {
      DEBUG: 'connect-mongo',
    })
    assert.equal(stdout, '')
    assert.equal(code, 0)
    return debugLines(stderr)
  }
  forDifference('debug-ids', `DEBUG=connect-mongo with ${autoRemove}`, {
    ours: async (_t, context) => {
      const lines = await linesOf(context)
      for (const line of lines) assert.doesNotMatch(line, /sid|missing/)
      const calls = withoutTags(lines.filter((line) => !isMeasured(line)))
      assert.deepEqual(calls, expectedLines(...start))
      const measured = withoutTags(lines.filter(isMeasured)).join('\n')
      assert.match(measured, /MongoStore#get=sid took \d+\.\d ms/)
      assert.match(measured, /MongoStore#get=missing took/)
      assert.match(measured, /MongoStore#length\(\) took/)
      assert.match(measured, /command find of 1 on 127\.0\.0\.1:\d+ took/)
    },
    theirs: async (_t, context) => assert.deepEqual(await linesOf(context), expectedLines(...start)),
  })
}

forEachImplementation('without DEBUG nothing is printed', async (_t, { implementation, url }) => {
  const program = `const store = MongoStore.create({ mongoUrl: url }); ${OPERATIONS}`
  const { stderr, stdout, warnings, code } = await runProgram(implementation, url, program, { DEBUG: '' })
  assert.deepEqual({ stderr, stdout, warnings, code }, { stderr: '', stdout: '', warnings: [], code: 0 })
})

// ---- Warnings

for (const [oldName, newName, value] of [
  ['url', 'mongoUrl', 'url'],
  ['collection', 'collectionName', "'renamed'"],
]) {
  forOurs(`the 3.x option ${oldName} works, with one deprecation warning`, async (_t, context) => {
    const collectionName = oldName === 'collection' ? 'renamed' : 'sessions'
    const program = `
      for (const _ of [1, 2]) {
        const store = MongoStore.create({ ${oldName === 'url' ? '' : 'mongoUrl: url,'} ${oldName}: ${value}, autoRemove: 'disabled' })
        await call(store, 'set', 'sid', {})
        await store.close()
      }`
    const { warnings, stderr, code } = await runProgram(context.implementation, context.url, program)
    assert.equal(code, 0, stderr)
    assert.equal(warnings.length, 1)
    assert.equal(warnings[0].name, 'DeprecationWarning')
    assert.match(warnings[0].message, new RegExp(`\\b${oldName}\\b.*\\b${newName}\\b`))
    assert.equal(await context.database.collection(collectionName).countDocuments(), 1)
  })
}

forOurs('the new name of an option goes before the old one', async (_t, context) => {
  const program = `
    const store = MongoStore.create({ mongoUrl: url, url: 'mongodb://127.0.0.1:1/', collectionName: 'new', collection: 'old' })
    await call(store, 'set', 'sid', {})
    await store.close()`
  const { code, stderr } = await runProgram(context.implementation, context.url, program)
  assert.equal(code, 0, stderr)
  assert.equal(await context.database.collection('new').countDocuments(), 1)
  assert.equal(await context.database.collection('old').countDocuments(), 0)
})

const MISSPELT = {
  collectionname: 'collectionName',
  mongoURL: 'mongoUrl',
  touchafter: 'touchAfter',
  autoremove: 'autoRemove',
  tll: 'ttl',
  serialise: 'serialize',
}

for (const [wrong, right] of Object.entries(MISSPELT)) {
  forOurs(
    `the unknown option ${wrong} gives one warning that names ${right}`,
    async (_t, { implementation, url }) => {
      const program = `
      for (const _ of [1, 2]) {
        const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', ${wrong}: undefined, ...{ ${wrong}: 1 } })
        await call(store, 'length')
        await store.close()
      }`
      const { warnings, code } = await runProgram(implementation, url, program)
      assert.equal(warnings.length, 1)
      assert.ok(
        warnings[0].message.includes(wrong) && warnings[0].message.includes(right),
        warnings[0].message
      )
      assert.equal(code, 0)
    }
  )
}

for (const option of [
  'fallbackMemory: true',
  'mongooseConnection: {}',
  'db: {}',
  'dbPromise: null',
  'hash: {}',
]) {
  forOurs(`the option ${option} of older versions gives one warning`, async (_t, { implementation, url }) => {
    const program = `
      const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', ${option} })
      await call(store, 'length')
      await store.close()`
    const { warnings, code } = await runProgram(implementation, url, program)
    assert.equal(warnings.length, 1)
    assert.ok(warnings[0].message.includes(option.split(':')[0]))
    assert.equal(code, 0)
  })
}

forOurs('lengths of time that cannot work give one warning each', async (_t, { implementation, url }) => {
  const options = `mongoUrl: url, autoRemove: 'interval', autoRemoveInterval: -1, ttl: NaN, touchAfter: 'soon'`
  const program = `for (const _ of [1, 2]) await MongoStore.create({ ${options} }).close()`
  const { warnings } = await runProgram(implementation, url, program)
  assert.deepEqual(warnings.map(({ message }) => message).toSorted(), [
    'autoRemoveInterval cannot be -1: it is taken for its default, 10',
    "touchAfter cannot be 'soon': it is taken for its default, 0",
    'ttl cannot be NaN: it is taken for its default, 1209600',
  ])
})

forDifference('option-warnings', 'the class called with express-session, as in connect-mongo 3', {
  ours: async (_t, { implementation, url }) => {
    const program = `
      const Store = MongoStore(require('express-session'))
      const store = new Store({ url, autoRemove: 'disabled' })
      await call(store, 'set', 'sid', { cookie: {} })
      console.log(store instanceof MongoStore, await call(store, 'length'))
      await store.close()`
    const { warnings, stdout } = await runProgram(implementation, url, program)
    assert.equal(stdout, 'true [ null, 1 ]\n')
    assert.deepEqual(
      warnings.map(({ name }) => name),
      ['DeprecationWarning', 'DeprecationWarning']
    )
  },
  theirs: (_t, { MongoStore }) => assert.throws(() => MongoStore(session), TypeError),
})

forDifference('option-warnings', 'an option that nobody knows', {
  ours: async (_t, { implementation, url }) => {
    const program = `await MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', colectionName: 'x' }).close()`
    const { warnings } = await runProgram(implementation, url, program)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /colectionName.*collectionName/)
  },
  theirs: async (_t, { implementation, url }) => {
    const program = `await MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', colectionName: 'x' }).close()`
    const { warnings, code } = await runProgram(implementation, url, program)
    assert.deepEqual({ warnings, code }, { warnings: [], code: 0 })
  },
})

for (const option of ['useNewUrlParser', 'useUnifiedTopology']) {
  forOurs(`${option} in mongoOptions is accepted in silence`, async (_t, { implementation, url }) => {
    const program = `
      const store = MongoStore.create({ mongoUrl: url, mongoOptions: { ${option}: true } })
      console.log(JSON.stringify(await call(store, 'length')))
      await store.close()`
    const { warnings, stdout } = await runProgram(implementation, url, program)
    assert.deepEqual({ warnings, stdout }, { warnings: [], stdout: '[null,0]\n' })
  })
}

forDifference('disabled-warns', 'autoRemove disabled, with a TTL index all the same', {
  ours: async (_t, { implementation, url, collection }) => {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0 })
    const program = `
      const alive = setInterval(() => {}, 1000)
      const warned = new Promise((resolve) => process.once('warning', resolve)).then(() => clearInterval(alive))
      const stores = [1, 2].map(() => MongoStore.create({ mongoUrl: url, autoRemove: 'disabled' }))
      for (const store of stores) await call(store, 'set', 'sid', {})
      await warned
      for (const store of stores) await store.close()`
    const { warnings, code } = await runProgram(implementation, url, program)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /TTL index/)
    assert.equal(code, 0)
    assert.equal((await collection.listIndexes().toArray()).length, 2)
  },
  theirs: async (_t, { implementation, url, collection }) => {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0 })
    const program = `
      const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled' })
      await call(store, 'set', 'sid', {})
      await store.close()`
    const { warnings, code } = await runProgram(implementation, url, program)
    assert.deepEqual({ warnings, code }, { warnings: [], code: 0 })
  },
})

forDifference('index-in-background', 'a TTL index that cannot be made, and nobody who listens', {
  ours: async (_t, { implementation, url, collection }) => {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 77 })
    const program = `
      const alive = setInterval(() => {}, 1000)
      const warned = new Promise((resolve) => process.once('warning', resolve)).then(() => clearInterval(alive))
      const store = MongoStore.create({ mongoUrl: url })
      console.log(JSON.stringify(await call(store, 'set', 'sid', {})))
      await warned
      console.log(JSON.stringify(await call(store, 'get', 'sid')))
      await store.close()`
    const { warnings, stdout, code } = await runProgram(implementation, url, program)
    assert.deepEqual({ stdout, code }, { stdout: '[null]\n[null,{}]\n', code: 0 })
    assert.equal(warnings.length, 1)
    assert.match(warnings[0].message, /TTL index/)
  },
  theirs: async (_t, { implementation, url, collection }) => {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 77 })
    const program = `MongoStore.create({ mongoUrl: url })`
    const { stderr, code } = await runProgram(implementation, url, program)
    assert.equal(code, 1)
    assert.match(stderr, /MongoServerError/)
  },
})

// ---- Koa

const KOA = `
  process.on('unhandledRejection', ({ message }) => console.log(message))
  const store = MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', ttl: 60 })
  const isStored = new Promise((resolve) => store.once('set', resolve))
  console.log(await store.set('sid', { user: 'ada' }, 86_400_000, { changed: true, rolling: false }))
  await isStored
  await store.close()`

forDifference('max-age', 'a lifetime as the third argument of set', {
  ours: async (_t, { implementation, url, collection }) => {
    const fromMs = Date.now()
    const { stdout, stderr } = await runProgram(implementation, url, KOA)
    assert.equal(stdout, 'undefined\n', stderr)
    const { expires } = await collection.findOne()
    assert.ok(expires.getTime() >= fromMs + 86_400_000)
  },
  theirs: async (_t, { implementation, url, collection }) => {
    const toMs = Date.now() + 86_400_000
    const { stdout } = await runProgram(implementation, url, KOA)
    assert.match(stdout, /^undefined\ncallback is not a function$/m)
    const { expires } = await collection.findOne()
    assert.ok(expires.getTime() < toMs)
  },
})

// ---- The end of the process

forDifference('server-down', 'a server that is down', {
  ours: async (_t, { implementation }) => {
    const program = `
      process.on('unhandledRejection', () => console.log('unhandled'))
      const store = MongoStore.create({ mongoUrl: url })
      for (const args of [['get', 'sid'], ['set', 'sid', {}], ['touch', 'sid', {}], ['destroy', 'sid'], ['all'], ['clear']]) {
        const [error, ...rest] = await call(store, ...args)
        console.log(error.name, rest.length)
      }
      const [error, count] = await call(store, 'length')
      console.log(error.name, count)
      store.set('sid', {})
      await store.close()`
    const { stdout, code, stderr } = await runProgram(implementation, NOBODY_THERE, program)
    assert.deepEqual(stdout.trim().split('\n'), [
      ...Array(6).fill('MongoServerSelectionError 0'),
      'MongoServerSelectionError 0',
    ])
    assert.equal(code, 0, stderr)
  },
  theirs: async (_t, { implementation }) => {
    // Only calls made before the failure keep the process alive: they handle the store's promise.
    const { stderr, code } = await runProgram(
      implementation,
      NOBODY_THERE,
      'MongoStore.create({ mongoUrl: url })'
    )
    assert.equal(code, 1)
    assert.match(stderr, /MongoServerSelectionError/)
  },
})

forEachImplementation(
  'each call made to a server that is down gets the error',
  async (_t, { implementation }) => {
    const program = `
    process.on('unhandledRejection', () => console.log('unhandled'))
    const store = MongoStore.create({ mongoUrl: url })
    const calls = [['get', 'sid'], ['set', 'sid', {}], ['touch', 'sid', {}], ['destroy', 'sid'], ['all'], ['clear'], ['length']]
    const answers = await Promise.all(calls.map((args) => call(store, ...args)))
    for (const [error, ...rest] of answers) console.log(error.name, JSON.stringify(rest))`
    const { stdout } = await runProgram(implementation, NOBODY_THERE, program)
    assert.deepEqual(stdout.trim().split('\n'), [
      ...Array(6).fill('MongoServerSelectionError []'),
      'MongoServerSelectionError [0]',
    ])
  }
)

const BAD_CLIENTS = {
  'a clientPromise that rejects': [
    "clientPromise: Promise.reject(new RangeError('no client today'))",
    'RangeError no client today',
  ],
  'a client that is none': ['client: {}', 'TypeError'],
}

for (const [name, [option, message]] of Object.entries(BAD_CLIENTS)) {
  const program = `
    process.on('unhandledRejection', (error) => console.log('unhandled', error.name))
    const store = MongoStore.create({ ${option}, autoRemove: 'disabled' })
    await new Promise((resolve) => setTimeout(resolve))
    for (const method of ['length', 'all']) {
      const [error] = await call(store, method)
      console.log(error.name, error.message)
    }`
  forDifference('bad-client', name, {
    ours: async (_t, { implementation, url }) => {
      const { stdout, code, warnings } = await runProgram(implementation, url, program)
      const lines = stdout.trim().split('\n')
      assert.equal(lines.length, 2)
      for (const line of lines) assert.ok(line.startsWith(message), line)
      assert.deepEqual({ code, warnings }, { code: 0, warnings: [] })
    },
    theirs: async (_t, { implementation, url }) => {
      const { stdout } = await runProgram(implementation, url, program)
      const [first] = stdout.trim().split('\n')
      assert.match(first, /^unhandled (Range|Type)Error$/)
    },
  })
}

forDifference('default-database', 'an address without a database', {
  ours: async (_t, { implementation, url }) => {
    const { warnings } = await runProgram(implementation, withoutDatabase(url), UNNAMED_DATABASE)
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['CONNECT_MONGO_DEFAULT_DATABASE']
    )
    assert.match(warnings[0].message, /\btest\b/)
  },
  theirs: async (_t, { implementation, url }) => {
    const { warnings, code } = await runProgram(implementation, withoutDatabase(url), UNNAMED_DATABASE)
    assert.deepEqual({ warnings, code }, { warnings: [], code: 0 })
  },
})

forDifference('bad-url-throws', 'a mongoUrl that is wrong', {
  ours: (_t, { MongoStore }) => {
    assert.throws(() => MongoStore.create({ mongoUrl: 'http://127.0.0.1' }), {
      name: 'MongoParseError',
      message: 'Invalid scheme, expected connection string to start with "mongodb://" or "mongodb+srv://"',
    })
    assert.throws(() => MongoStore.create({ mongoUrl: NOBODY_THERE, mongoOptions: { nonsense: 1 } }), {
      name: 'MongoParseError',
      message: 'option nonsense is not supported',
    })
  },
  theirs: async (_t, { implementation }) => {
    const program = `
      process.on('unhandledRejection', ({ name, message }) => console.log(name, message))
      MongoStore.create({ mongoUrl: 'http://127.0.0.1', autoRemove: 'disabled' })
      MongoStore.create({ mongoUrl: url, autoRemove: 'disabled', mongoOptions: { nonsense: 1 } })`
    const { stdout } = await runProgram(implementation, NOBODY_THERE, program)
    assert.deepEqual(
      [...new Set(stdout.trim().split('\n'))],
      [
        'MongoParseError Invalid scheme, expected connection string to start with "mongodb://" or "mongodb+srv://"',
        'MongoParseError option nonsense is not supported',
      ]
    )
  },
})

forDifference('bad-url-throws', 'a writeOperationOptions that is wrong', {
  ours: (_t, { MongoStore, url }) => {
    const writeOperationOptions = { w: -1 }
    assert.throws(() => MongoStore.create({ mongoUrl: url, writeOperationOptions }), /\bw\b/)
  },
  theirs: async (_t, { open }) => {
    const { set } = open({ writeOperationOptions: { w: -1 } })
    await assert.rejects(set('sid', plainSession()), { name: 'MongoServerError' })
  },
})

forDifference('unsupported-mongo-options', 'an option of the Node driver that Rust has not got', {
  ours: async (_t, { MongoStore, open, url }) => {
    const mongoOptions = { checkServerIdentity: () => undefined }
    const { store, length } = open({ mongoOptions })
    assert.equal(store.backend, 'driver')
    assert.equal(await length(), 0)
    const create = () => MongoStore.create({ mongoUrl: url, mongoOptions, backend: 'native' })
    if (BACKENDS.includes('native')) assert.throws(create, /checkServerIdentity.*\bmongodb\b/)
    assert.throws(() => MongoStore.create({ mongoUrl: url, mongoOptions: { raw: true } }), /\braw\b/)
  },
  theirs: async (_t, { open }) => {
    assert.equal(await open({ mongoOptions: { checkServerIdentity: () => undefined } }).length(), 0)
    const { set, get } = open({ mongoOptions: { raw: true } })
    await set('sid', plainSession())
    await assert.rejects(get('sid'), { name: 'SyntaxError' })
  },
})

forEachImplementation('a script that closes its store ends', async (_t, { implementation, url }) => {
  const program = `
    const store = MongoStore.create({ mongoUrl: url, autoRemove: 'interval' })
    await call(store, 'set', 'sid', {})
    await store.close()`
  const { code } = await runProgram(implementation, url, program)
  assert.equal(code, 0)
})

// ---- Imports

forDifference('commonjs-class', 'what require gives', {
  ours: () => {
    const MongoStore = require('connect-mongo-native')
    assert.equal(typeof MongoStore, 'function')
    assert.equal(MongoStore, require('../..'))
    assert.equal(MongoStore.MongoStore, MongoStore)
    assert.equal(MongoStore.default, MongoStore)
    assert.equal(typeof MongoStore.create, 'function')
  },
  theirs: () => {
    const namespace = /** @type {any} */ (require('connect-mongo'))
    assert.equal(typeof namespace, 'object')
    assert.equal(namespace.create, undefined)
    assert.equal(namespace.default, namespace.MongoStore)
  },
})

/** Every way in which the documentation of connect-mongo 4, 5 and 6 imports it. @type {Record<string, () => any>} */
const IMPORTS = {
  "const MongoStore = require('connect-mongo-native')": () => require('connect-mongo-native'),
  "const { MongoStore } = require('connect-mongo-native')": () => {
    const { MongoStore } = require('connect-mongo-native')
    return MongoStore
  },
  "const { default: MongoStore } = require('connect-mongo-native')": () => {
    const { default: MongoStore } = require('connect-mongo-native')
    return MongoStore
  },
  "const MongoStore = require('connect-mongo-native').default": () => require('connect-mongo-native').default,
  "import MongoStore from 'connect-mongo-native'": async () => (await import('connect-mongo-native')).default,
  "import { MongoStore } from 'connect-mongo-native'": async () =>
    (await import('connect-mongo-native')).MongoStore,
}

for (const [name, load] of Object.entries(IMPORTS)) {
  forOurs(`${name} gives the class`, async (_t, { url, MongoStore }) => {
    const Imported = await load()
    assert.equal(Imported, MongoStore)
    const { create } = Imported
    const makers = [
      () => Imported.create({ mongoUrl: url }),
      () => new Imported({ mongoUrl: url }),
      () => create({ mongoUrl: url }),
    ]
    for (const make of makers) {
      const store = make()
      assert.ok(store instanceof session.Store)
      assert.ok(store instanceof EventEmitter)
      assert.ok(store instanceof Imported)
      await store.set('sid', plainSession())
      await store.close()
    }
  })
}

const ours = implementations.find(({ original }) => !original)

test('static imports of an ES module work', { skip: !ours || !isSelected(ours) }, async () => {
  const { execFile } = require('node:child_process')
  const { promisify } = require('node:util')
  const program = `
    import MongoStore, { MongoStore as Named } from 'connect-mongo-native'
    import * as namespace from 'connect-mongo-native'
    console.log(MongoStore === Named, namespace.default === Named, typeof MongoStore.create)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    cwd: require('node:path').join(__dirname, '..', '..'),
  })
  assert.equal(stdout, 'true true function\n')
})
