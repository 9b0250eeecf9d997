// When a process ends: by itself once nothing is left to do, and at once when it is told to.
'use strict'

const assert = require('node:assert/strict')
const { describe, test } = require('node:test')
const { runInChild } = require('../support/child.js')
const { openDatabase } = require('../support/database.js')
const { startServer, withDatabase } = require('../support/server.js')

const UNREACHABLE = 'mongodb://127.0.0.1:1/down?serverSelectionTimeoutMS=300'

/** Ends well: by itself, within runInChild's time, with code 0. */
function assertExited({ code, signal, stderr }) {
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr)
}

describe('a script that never calls close() exits on its own', () => {
  const scripts = {
    'after a set': async ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl })
      await store.set('sid', { cookie: {} })
      console.log('end')
    },
    'after every method': async ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl })
      await store.set('sid', { cookie: {} })
      await store.get('sid')
      await store.touch('sid', { cookie: {} })
      await store.all()
      await store.length()
      await store.destroy('sid')
      await store.clear()
      console.log('end')
    },
    'after constructing': ({ mongoUrl }) => {
      ;new (require('../..'))({ mongoUrl })
      console.log('end')
    },
    'after loading': () => {
      require('../..')
      console.log('end')
    },
    'after callbacks': ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl })
      store.set('sid', { cookie: {} }, () => {
        store.get('sid', () => console.log('end'))
      })
    },
    "with autoRemove: 'interval'": async ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl, autoRemove: 'interval', autoRemoveInterval: 0.0005 })
      await store.set('sid', { cookie: {} })
      await new Promise((resolve) => setTimeout(resolve, 200))
      console.log('end')
    },
    "with autoRemove: 'disabled'": async ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl, autoRemove: 'disabled' })
      await store.set('sid', { cookie: {} })
      console.log('end')
    },
    'with ten stores': async ({ mongoUrl }) => {
      const MongoStore = require('../..')
      const stores = Array.from(
        { length: 10 },
        (_, i) => new MongoStore({ mongoUrl, collectionName: `sessions-${i}` })
      )
      await Promise.all(stores.map((store) => store.set('sid', { cookie: {} })))
      console.log('end')
    },
    'with a server out of reach': ({ unreachable }) => {
      ;new (require('../..'))({ mongoUrl: unreachable })
      console.log('end')
    },
    'after a call that found no server': async ({ unreachable }) => {
      const store = new (require('../..'))({ mongoUrl: unreachable })
      await store
        .get('sid')
        .catch((error) => console.log(error.name === 'MongoServerSelectionError' ? 'end' : error))
    },
    'after calls whose answers nobody waits for': ({ mongoUrl }) => {
      const store = new (require('../..'))({ mongoUrl })
      for (let i = 0; i < 50; i++) store.set(`sid-${i}`, { cookie: {} })
      console.log('end')
    },
  }
  for (const [when, script] of Object.entries(scripts)) {
    test(when, async (t) => {
      const { url } = await openDatabase(t)
      const result = await runInChild(
        script,
        { mongoUrl: url, unreachable: UNREACHABLE },
        { timeoutMs: 20_000 }
      )
      assertExited(result)
      assert.equal(result.stdout, 'end\n')
    })
  }
})

describe('a pending call keeps the process alive', () => {
  test('until its callback', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const result = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        store.set('sid', { cookie: {} }, (error) => {
          console.log('called back', error)
          store.close()
        })
      },
      { mongoUrl: url }
    )
    assertExited(result)
    assert.equal(result.stdout, 'called back null\n')
    assert.equal(await sessions.countDocuments(), 1)
  })

  test('until its promise is settled', async (t) => {
    const { url } = await openDatabase(t)
    const result = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        store.get('sid').then((session) => {
          console.log('settled', session)
          store.close()
        })
      },
      { mongoUrl: url }
    )
    assertExited(result)
    assert.equal(result.stdout, 'settled null\n')
  })

  test('until it fails, where the server is out of reach', async () => {
    const result = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        store.get('sid', (error) => console.log(error.name))
      },
      { mongoUrl: UNREACHABLE }
    )
    assertExited(result)
    assert.equal(result.stdout, 'MongoServerSelectionError\n')
  })

  test('and what it wrote is there, even when nobody waits for it', async (t) => {
    const { url, sessions } = await openDatabase(t)
    const result = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        for (let i = 0; i < 100; i++) store.set(`sid-${i}`, { cookie: {}, i })
      },
      { mongoUrl: url }
    )
    assertExited(result)
    assert.equal(await sessions.countDocuments(), 100)
  })
})

test('a store that is closed while its server is silent lets the process end', async (t) => {
  const server = await startServer()
  const pid = Number(server.instanceInfo?.instance.mongodProcess?.pid)
  t.after(() => process.kill(pid, 'SIGCONT'))
  const result = await runInChild(
    async ({ mongoUrl, serverPid }) => {
      const { setTimeout: sleep } = require('node:timers/promises')
      const store = new (require('../..'))({ mongoUrl })
      const session = { cookie: {} }
      await store.set('sid', session)
      process.kill(serverPid, 'SIGSTOP')
      await sleep(100)
      const calls = [store.all(), store.length(), store.clear(), store.ping(), store.destroy('gone')]
      // More than leave at once: the others wait for their turn.
      for (let index = 0; index < 100; index++) {
        calls.push(store.get('sid'), store.set('sid', session), store.touch(`sid-${index}`, session))
      }
      const settled = Promise.allSettled(calls)
      await sleep(100)
      await store.close({ timeoutMS: 100 })
      const codes = (await settled).map(({ reason }) => reason?.code)
      console.log(new Set(codes))
    },
    { mongoUrl: withDatabase(server.getUri(), 'silent'), serverPid: pid },
    { timeoutMs: 20_000 }
  )
  assertExited(result)
  assert.equal(result.stdout, "Set(1) { 'ERR_STORE_CLOSED' }\n")
})

describe('process.exit', () => {
  const ROUNDS = 10

  test(`in the middle of calls ends the process at once, ${ROUNDS} times`, async (t) => {
    const { url } = await openDatabase(t)
    for (let round = 0; round < ROUNDS; round++) {
      const { code, signal, stderr } = await runInChild(
        ({ mongoUrl, round }) => {
          const store = new (require('../..'))({ mongoUrl })
          for (let i = 0; i < 200; i++) store.set(`sid-${i}`, { cookie: {}, text: 'x'.repeat(i * 50) })
          if (round === 0) process.exit(7)
          setTimeout(() => process.exit(7), round * 3)
        },
        { mongoUrl: url, round },
        { timeoutMs: 20_000 }
      )
      assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' })
    }
  })

  test('inside a callback, and with a server out of reach, ends the process at once', async (t) => {
    const { url } = await openDatabase(t)
    const inCallback = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        for (let i = 0; i < 50; i++) store.get(`sid-${i}`)
        store.get('sid', () => process.exit(7))
      },
      { mongoUrl: url }
    )
    const unreachable = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        store.get('sid')
        setImmediate(() => process.exit(7))
      },
      { mongoUrl: UNREACHABLE.replace('=300', '=60000') },
      { timeoutMs: 20_000 }
    )
    for (const { code, signal } of [inCallback, unreachable]) {
      assert.deepEqual({ code, signal }, { code: 7, signal: null })
    }
  })

  test('by an uncaught exception in the middle of calls reports that exception', async (t) => {
    const { url } = await openDatabase(t)
    const { code, signal, stderr } = await runInChild(
      ({ mongoUrl }) => {
        const store = new (require('../..'))({ mongoUrl })
        for (let i = 0; i < 200; i++) store.set(`sid-${i}`, { cookie: {} })
        setTimeout(() => {
          throw new Error('thrown by the application')
        }, 5)
      },
      { mongoUrl: url }
    )
    assert.deepEqual({ code, signal }, { code: 1, signal: null })
    assert.match(stderr, /thrown by the application/)
  })
})

describe('resources', () => {
  const resources = async ({ mongoUrl, isClosed }) => {
    const before = process.getActiveResourcesInfo()
    const store = new (require('../..'))({ mongoUrl, autoRemove: 'interval' })
    await store.set('sid', { cookie: {} })
    await store.get('sid')
    await new Promise((resolve) => store.touch('sid', { cookie: {} }, resolve))
    if (isClosed) await store.close()
    await new Promise((resolve) => setImmediate(resolve))
    const left = process.getActiveResourcesInfo()
    // Standard output may open while the test runs; it is nothing of ours.
    const ours = left.filter((name) => !before.includes(name) && name !== 'PipeWrap' && name !== 'Immediate')
    console.log(JSON.stringify(ours))
  }

  for (const isClosed of [false, true]) {
    test(`hold nothing active ${isClosed ? 'after close' : 'while the store is idle'}`, async (t) => {
      const { url } = await openDatabase(t)
      const result = await runInChild(resources, { mongoUrl: url, isClosed })
      assertExited(result)
      assert.equal(result.stdout, '[]\n')
    })
  }
})
