// Which calls over a JavaScript client share a command, by a clock that stands still until it is told to go on.
'use strict'

const assert = require('node:assert/strict')
const { afterEach, beforeEach, describe, mock, test } = require('node:test')
const { setImmediate: turn } = require('node:timers/promises')

// Before the modules are loaded, which keep the timers that they find.
mock.timers.enable({ apis: ['setTimeout'] })
const { SharedClient } = require('../../lib/collection/driver-client.js')
const { ALONE, SharedCommands } = require('../../lib/collection/driver-schedule.js')

/** A command is late after so long. */
const LATE_MS = 50
/** Longer than a connection is trusted without an answer. */
const IDLE_MS = 21
const SELECTION_MS = 1_000

let nowMs = 0

beforeEach(() => {
  nowMs = 0
  mock.method(performance, 'now', () => nowMs)
  mock.method(Math, 'random', () => 0.5)
})

afterEach(() => mock.restoreAll())

/** @param {number} milliseconds */
async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left--) {
    nowMs++
    mock.timers.tick(1)
  }
  await turn()
}

/** @param {number} length @param {string} [prefix] */
const ids = (length, prefix = 'id') => Array.from({ length }, (_, index) => `${prefix}-${index}`)

/** @param {number} code @param {object} [fields] */
const serverError = (code, fields) => Object.assign(new Error(`refused: ${code}`), { code, ...fields })

/** @param {string} name */
const driverError = (name) => Object.assign(new Error('no answer'), { name, hasErrorLabel: () => false })

/** @param {object} [options] */
const newClient = (options) =>
  SharedClient.of({ options: { serverSelectionTimeoutMS: SELECTION_MS, ...options } })

class Command {
  isOver = false
  ids
  #settle

  /** @param {string[]} all @param {{ resolve(answers: any[]): void, reject(error: unknown): void }} settle */
  constructor(all, settle) {
    this.ids = all
    this.#settle = settle
  }

  /** @param {any[]} [answers] */
  async answer(answers = this.ids) {
    this.isOver = true
    this.#settle.resolve(answers)
    await turn()
  }

  /** @param {unknown} error */
  async refuse(error) {
    this.isOver = true
    this.#settle.reject(error)
    await turn()
  }
}

/** Commands that are answered when the test says so, each call with what it asked. */
class Script {
  /** @type {Command[]} */
  commands = []
  #shared
  #counted = 0

  /** @param {InstanceType<typeof SharedClient>} [client] @param {boolean} [isRead] */
  constructor(client = newClient(), isRead = false) {
    const together = (/** @type {string[]} */ asked) => this.#run(asked)
    const alone = async (/** @type {string} */ asked) => (await together([asked]))[0]
    const idOf = (/** @type {string} */ asked) => asked.split(' ')[0]
    this.#shared = new SharedCommands({ idOf, alone, together, isRead }, client)
  }

  /** @param {string} id @param {AbortSignal} [signal] */
  ask(id, signal) {
    /** @type {{ value?: string, error?: any }} */
    const call = {}
    this.#shared.ask(id, { calledMs: nowMs, signal }).then(
      (value) => Object.assign(call, { value }),
      (error) => Object.assign(call, { error })
    )
    return call
  }

  /** @param {string[]} all */
  askAll(all) {
    return all.map((id) => this.ask(id))
  }

  close() {
    this.#shared.close()
  }

  get underWay() {
    return this.commands.filter(({ isOver }) => !isOver)
  }

  /** What has left since the last time. */
  left() {
    const groups = this.commands.slice(this.#counted).map((command) => command.ids)
    this.#counted = this.commands.length
    return groups
  }

  /** How much has left in each command since the last time. */
  sizes() {
    return this.left().map(({ length }) => length)
  }

  /** And all that leaves because of that. @param {(command: Command) => unknown} [settle] @param {Command[]} [others] */
  async settleAll(settle = (command) => command.answer(), others = []) {
    for (let [next] = this.#but(others); next; [next] = this.#but(others)) await settle(next)
  }

  /** Until large groups leave. */
  async warmUp() {
    this.askAll(ids(500, 'warm'))
    await this.settleAll()
    this.left()
  }

  /** Two commands that are late. */
  async stick() {
    const calls = this.askAll(ids(2, 'stuck'))
    const commands = this.underWay
    await pass(LATE_MS)
    this.left()
    return { calls, commands }
  }

  /** @param {Command[]} others */
  #but(others) {
    return this.underWay.filter((command) => !others.includes(command))
  }

  /** @param {string[]} asked @returns {Promise<any[]>} */
  #run(asked) {
    return new Promise((resolve, reject) => {
      this.commands.push(new Command(asked, { resolve, reject }))
    })
  }
}

describe('trust in connections', () => {
  test('grows 32-fold with each answer', async () => {
    const script = new Script()
    const calls = script.askAll(ids(40))
    await script.settleAll()
    assert.deepEqual(script.sizes(), [1, 1, 32, 6])
    assert.deepEqual(
      calls.map(({ value }) => value),
      ids(40)
    )
  })

  test('ends with a pause', async () => {
    const script = new Script()
    await script.warmUp()
    await pass(IDLE_MS)
    script.askAll(ids(10))
    await script.settleAll()
    assert.deepEqual(script.sizes(), [1, 1, 8])
  })

  test('is that of the connection which came back last, whatever it was used for', async () => {
    const client = newClient()
    const [one, other] = [new Script(client), new Script(client)]
    await one.warmUp()
    other.askAll(ids(30))
    await other.settleAll()
    assert.deepEqual(other.sizes(), [1, 1, 28])
  })

  test('is lost with a connection', async () => {
    const script = new Script()
    await script.warmUp()
    script.askAll(ids(3))
    for (const command of script.underWay) await command.refuse(driverError('MongoNetworkError'))
    await script.settleAll()
    script.left()
    script.askAll(ids(10))
    await script.settleAll()
    assert.deepEqual(script.sizes(), [1, 1, 8])
  })

  test('does not grow by commands that could have been larger', async () => {
    const script = new Script()
    for (let round = 0; round < 10; round++) {
      script.ask(`lone-${round}`)
      await script.settleAll()
    }
    script.left()
    script.askAll(ids(40))
    await script.settleAll()
    assert.deepEqual(script.sizes(), [1, 1, 32, 6])
  })
})

describe('a command that is late', () => {
  test('holds up nobody else, and the next are for one call each until one is answered', async () => {
    const script = new Script()
    await script.warmUp()
    const { calls, commands } = await script.stick()
    script.askAll(ids(30))
    assert.deepEqual(script.sizes(), [1, 1])
    await script.settleAll(undefined, commands)
    assert.deepEqual(script.sizes(), [2, 4, 8, 14])
    assert.deepEqual(calls, [{}, {}])
  })

  test('is followed by none about its sessions', async () => {
    const script = new Script()
    const { commands } = await script.stick()
    const again = script.ask('stuck-0 again')
    const others = script.askAll(ids(3))
    await script.settleAll(undefined, commands)
    assert.deepEqual(
      others.map(({ value }) => value),
      ids(3)
    )
    assert.deepEqual(again, {})
    await script.settleAll()
    assert.deepEqual(again, { value: 'stuck-0 again' })
  })

  test('is given more time while all are late, until another is not', async () => {
    const script = new Script()
    script.askAll(ids(40))
    await pass(8 * LATE_MS)
    // Ten were late at first, so that these two may take 400 ms and 800 ms, and one has taken 100 ms.
    const [, quick] = script.underWay.slice(-2)
    await pass(1)
    script.left()
    await quick.answer()
    await pass(1)
    assert.deepEqual(script.sizes(), [2, 1], 'also in the place of the other')
  })

  test('is in time when nothing is quicker any more', async () => {
    const script = new Script()
    script.askAll(ids(100))
    await pass(2_000)
    await script.settleAll(async (command) => {
      await pass(1_000)
      await command.answer()
    })
    assert.ok(script.sizes().filter((size) => size === 32).length > 1)
  })

  test('makes suspects of its sessions when others are not late, and they share no command until they are answered', async () => {
    const script = new Script()
    const { commands } = await script.stick()
    script.ask('other')
    await script.settleAll(undefined, commands)
    await pass(4 * LATE_MS)
    await script.settleAll()
    await script.warmUp()
    const waiting = ['a', 'b', 'c', 'stuck-0', 'd', 'stuck-1', 'e', 'f']
    script.askAll(waiting)
    await script.settleAll()
    assert.deepEqual(script.left(), [['a'], ['b'], ['c'], ['stuck-0'], ['d'], ['stuck-1'], ['e', 'f']])
    script.askAll(waiting)
    await script.settleAll()
    assert.deepEqual(script.left(), [['a'], ['b'], waiting.slice(2)])
  })

  test('of many sessions makes suspects that leave in 32 parts, without others', async () => {
    const script = new Script()
    await script.warmUp()
    script.askAll(ids(200, 'stuck'))
    for (const alone of script.underWay) await alone.answer()
    const stuck = script.underWay.slice(0, 1)
    await script.settleAll(undefined, stuck)
    await pass(LATE_MS)
    script.left()
    script.ask('other')
    await script.settleAll(undefined, stuck)
    await pass(4 * LATE_MS)
    await script.settleAll()
    await script.warmUp()
    script.left()
    script.askAll(['a', 'b', 'c', ...stuck[0].ids, 'd'])
    await script.settleAll()
    const isStuck = (/** @type {string} */ id) => id.startsWith('stuck')
    const parts = script.left().filter((part) => part.some(isStuck))
    const most = Math.ceil(stuck[0].ids.length / 32)
    assert.ok(most > 1 && parts.some(({ length }) => length === most), `${parts.map(({ length }) => length)}`)
    assert.ok(parts.every((part) => part.length <= most && part.every(isStuck)))
  })

  test('makes no suspects when everything is late', async () => {
    const script = new Script()
    await script.stick()
    await script.settleAll()
    await script.warmUp()
    script.askAll(['a', 'b', 'c', 'stuck-0', 'd', 'stuck-1'])
    await script.settleAll()
    assert.deepEqual(script.left(), [['a'], ['b'], ['c', 'stuck-0', 'd', 'stuck-1']])
  })
})

describe('the end of a store', () => {
  test('is that of all calls, in the line, behind a late command, to be sent again or sent, and nothing is sent any more', async () => {
    const script = new Script()
    await script.warmUp()
    const { calls, commands } = await script.stick()
    const held = script.ask('stuck-0 again')
    const refused = script.ask('refused')
    await script.underWay[2].refuse(serverError(16500))
    const under = script.askAll(ids(2))
    const waiting = script.askAll(ids(10, 'waiting'))
    script.left()
    script.close()
    await script.settleAll(undefined, commands)
    await pass(SELECTION_MS)
    await script.settleAll()
    const errors = [...calls, held, refused, ...under, ...waiting].map(({ error }) => error)
    for (const error of errors) assert.equal(error?.code, 'ERR_STORE_CLOSED')
    assert.equal(new Set(errors).size, errors.length, 'an error of its own')
    assert.deepEqual(script.left(), [])
  })
})

describe('places', () => {
  /** @param {Script} script how many commands are under way once they are all late */
  async function mostOf(script) {
    script.askAll(ids(100))
    for (let round = 0; round < 60; round++) await pass(2_000)
    return script.underWay.length
  }

  for (const [maxPoolSize, most] of /** @type {const} */ ([
    [undefined, 28],
    [0, 28],
    [100, 28],
    [21, 16],
    [5, 2],
    [2, 1],
    [1, 1],
  ])) {
    test(`are ${most} for one kind with a maxPoolSize of ${maxPoolSize}`, async () => {
      assert.equal(await mostOf(new Script(newClient({ maxPoolSize }))), most)
    })
  }

  test('are not more than there are connections, and not all for one kind', async () => {
    const client = newClient({ maxPoolSize: 11 })
    const scripts = [new Script(client), new Script(client), new Script(client)]
    const counts = []
    for (const script of scripts) counts.push(await mostOf(script))
    assert.deepEqual(counts, [6, 4, 0])
  })

  test('go by turns to those that wait', async () => {
    const client = newClient({ maxPoolSize: 2 })
    const scripts = [new Script(client), new Script(client), new Script(client)]
    for (const script of scripts) script.askAll(ids(900))
    const order = []
    for (;;) {
      const at = scripts.findIndex(({ underWay }) => underWay.length > 0)
      if (at < 0) break
      order.push(at)
      await scripts[at].underWay[0].answer()
    }
    assert.deepEqual(order.slice(0, 7), [0, 0, 1, 2, 0, 1, 2])
  })
})

describe('a refusal', () => {
  const codeless = new TypeError('a key that BSON cannot have')

  /** Calls that leave together. @param {Script} script @param {string[]} all */
  async function together(script, all) {
    await script.warmUp()
    script.askAll(ids(2, 'first'))
    const calls = script.askAll(all)
    await script.underWay[0].answer()
    await script.underWay[0].answer()
    assert.deepEqual(script.left().at(-1), all)
    return calls
  }

  /** @param {unknown} error @param {(id: string) => boolean} isBad */
  const refusing = (error, isBad) => (/** @type {Command} */ command) =>
    command.ids.some(isBad) ? command.refuse(error) : command.answer()

  for (const [what, error] of /** @type {const} */ ([
    ['code 13', serverError(13)],
    ['code 18', serverError(18)],
    ['code 11602', serverError(11602)],
    ['a transaction number where there can be none', serverError(2, { message: 'Retryable writes …' })],
    ['a network error', driverError('MongoNetworkError')],
    ['a pool that is cleared', driverError('PoolClearedOnNetworkError')],
    ['a write that is not confirmed', serverError(64, { name: 'MongoWriteConcernError' })],
    ['an error of the driver that nobody knows', driverError('MongoRuntimeError')],
  ])) {
    test(`with ${what} is that of all, and nothing is sent again`, async () => {
      const script = new Script()
      const calls = await together(script, ids(20))
      await script.settleAll((command) => command.refuse(error))
      assert.ok(calls.every((call) => call.error === error))
      assert.deepEqual(script.left(), [])
    })
  }

  for (const [what, error] of /** @type {const} */ ([
    ['code 15', serverError(15)],
    ['code 10334', serverError(10334)],
    ['what no server has said', codeless],
    ['nothing', undefined],
  ])) {
    test(`with ${what} is found by halves, to those who are to blame`, async () => {
      const script = new Script()
      const calls = await together(script, ids(64))
      await script.settleAll(refusing(error, (id) => id === 'id-5'))
      assert.equal(script.left().length, 12)
      for (const [index, call] of calls.entries()) {
        if (index === 5) assert.deepEqual(call, { error })
        else assert.deepEqual(call, { value: `id-${index}` })
      }
    })

    test(`with ${what} of everybody is found by halves to the end`, async () => {
      const script = new Script()
      const calls = await together(script, ids(8))
      await script.settleAll((command) => command.refuse(error))
      assert.ok(calls.every((call) => 'error' in call))
      assert.deepEqual(script.sizes().sort(), [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4])
    })
  }

  test('with another code is halved once, when both halves are refused with it', async () => {
    const script = new Script()
    const calls = await together(script, ids(64))
    await script.settleAll((command) => command.refuse(serverError(9)))
    assert.deepEqual(script.sizes(), [32, 32])
    assert.ok(calls.every(({ error }) => error.code === 9))
  })

  test('with another code is found by halves, when it is not that of both', async () => {
    const script = new Script()
    const calls = await together(script, ids(64))
    await script.settleAll(refusing(serverError(9), (id) => id === 'id-5'))
    assert.deepEqual(
      calls.map(({ error }) => error?.code),
      ids(64).map((id) => (id === 'id-5' ? 9 : undefined))
    )
  })

  test('of some alone has them asked one by one', async () => {
    const script = new Script()
    const calls = await together(script, ids(5))
    const bad = new Set(['id-1', 'id-3'])
    await script.underWay[0].answer(ids(5).map((id) => (bad.has(id) ? ALONE : id)))
    await script.settleAll(async (command) => {
      await (bad.has(command.ids[0]) ? command.refuse(serverError(121)) : command.answer())
    })
    assert.deepEqual(script.left(), [['id-1'], ['id-3']])
    assert.deepEqual(
      calls.map(({ error }) => error?.code),
      [undefined, 121, undefined, 121, undefined]
    )
  })

  test('holds nobody up while it is looked for', async () => {
    const script = new Script()
    await together(script, ids(64))
    const other = script.ask('other')
    await script.underWay[0].refuse(codeless)
    assert.ok(script.underWay.some((command) => command.ids.includes('other')))
    await script.settleAll()
    assert.equal(other.value, 'other')
  })
})

describe('a server with too much to do', () => {
  const busy = serverError(1, { errorLabels: ['SystemOverloadedError'] })

  for (const [what, error] of /** @type {const} */ ([
    ['the label', busy],
    ['code 16500', serverError(16500)],
  ])) {
    test(`is asked again by ${what}, after pauses that grow`, async () => {
      const script = new Script()
      const call = script.ask('id')
      for (const pauseMs of [50, 100, 200]) {
        await script.underWay[0].refuse(error)
        await pass(pauseMs - 1)
        assert.deepEqual(script.underWay, [], `${pauseMs} ms are not over`)
        await pass(1)
      }
      await script.underWay[0].answer()
      assert.deepEqual(call, { value: 'id' })
    })
  }

  test('is asked until serverSelectionTimeoutMS is over since the call', async () => {
    const script = new Script()
    const call = script.ask('id')
    for (;;) {
      const [command] = script.underWay
      if (command) await command.refuse(busy)
      if (call.error) break
      await pass(10)
    }
    assert.equal(call.error, busy)
    assert.ok(nowMs <= SELECTION_MS)
    assert.equal(script.commands.length, 5)
  })

  test('is asked for others meanwhile', async () => {
    const script = new Script()
    script.askAll(ids(2))
    for (const command of script.underWay) await command.refuse(busy)
    const other = script.ask('other')
    await script.settleAll()
    assert.deepEqual(other, { value: 'other' })
  })
})

describe('a call for which nobody waits any more', () => {
  const tooLate = new Error('too late')

  /** @param {Script} script @param {string} id */
  function abortable(script, id) {
    const controller = new AbortController()
    return { call: script.ask(id, controller.signal), abort: () => controller.abort(tooLate) }
  }

  test('is not sent when it has waited in the line', async () => {
    const script = new Script()
    script.askAll(ids(2))
    const { call, abort } = abortable(script, 'hasty')
    const other = script.ask('other')
    abort()
    await turn()
    assert.deepEqual(call, { error: tooLate })
    await script.settleAll()
    assert.deepEqual(script.left().flat(), [...ids(2), 'other'])
    assert.deepEqual(other, { value: 'other' })
  })

  test('is not sent when it has waited behind a late command about its session', async () => {
    const script = new Script()
    await script.stick()
    const { call, abort } = abortable(script, 'stuck-0 again')
    abort()
    await turn()
    assert.deepEqual(call, { error: tooLate })
    await script.settleAll()
    assert.deepEqual(script.left(), [])
  })

  test('is not sent again when it has waited for a server with too much to do', async () => {
    const script = new Script()
    script.askAll(ids(2))
    const { call, abort } = abortable(script, 'hasty')
    await script.underWay[0].answer()
    await script.underWay[1].refuse(serverError(16500))
    abort()
    await turn()
    assert.deepEqual(call, { error: tooLate })
    script.left()
    await pass(LATE_MS)
    assert.deepEqual(script.left(), [])
  })

  for (const [what, error] of /** @type {const} */ ([
    ['a server with too much to do', serverError(16500)],
    ['what one of a command is to blame for', serverError(15)],
  ])) {
    test(`is not sent again after ${what}`, async () => {
      const script = new Script()
      await script.warmUp()
      script.askAll(ids(2))
      const one = abortable(script, 'hasty')
      const other = script.ask('other')
      await script.underWay[0].answer()
      await script.underWay[0].answer()
      assert.deepEqual(script.left().at(-1), ['hasty', 'other'])
      one.abort()
      await script.underWay[0].refuse(error)
      await pass(LATE_MS)
      await script.settleAll()
      assert.deepEqual(script.left(), [['other']])
      assert.deepEqual([one.call, other], [{ error: tooLate }, { value: 'other' }])
    })
  }

  test('has its answer all the same once it has been sent', async () => {
    const script = new Script()
    const { call, abort } = abortable(script, 'hasty')
    abort()
    await turn()
    assert.deepEqual(call, {})
    await script.settleAll()
    assert.deepEqual(call, { value: 'hasty' })
  })
})

describe('who waits', () => {
  test('fails at once when the driver cannot sign in', async () => {
    const script = new Script()
    const calls = script.askAll(ids(20))
    const error = serverError(18)
    await script.underWay[0].refuse(error)
    assert.deepEqual(calls[0], { error })
    assert.deepEqual(calls[1], {})
    assert.ok(calls.slice(2).every((call) => call.error === error))
  })

  test('fails when the driver has found no server and its own time is over, and not before', async () => {
    const script = new Script()
    const [first, , third] = script.askAll(ids(3))
    await pass(10)
    const fourth = script.ask('fourth')
    nowMs = SELECTION_MS
    const error = driverError('MongoServerSelectionError')
    await script.underWay[0].refuse(error)
    assert.deepEqual([first.error, third.error, fourth.error], [error, error, undefined])
    await script.settleAll()
    assert.deepEqual(fourth, { value: 'fourth' })
  })
})

describe('a read without an answer', () => {
  /** A client that answers pings, or not. @param {boolean} isAnswering @param {object} [options] */
  function pinged(isAnswering, options) {
    let pings = 0
    const command = () => {
      pings++
      return isAnswering ? Promise.resolve({ ok: 1 }) : Promise.reject(new Error('away'))
    }
    const client = SharedClient.of({ options: { ...options }, db: () => ({ command }) })
    return { client, pings: () => pings }
  }

  test('is asked again after 3, 6 and 12 s when the server answers others, and the first answer counts', async () => {
    const { client, pings } = pinged(true)
    const script = new Script(client, true)
    const call = script.ask('id')
    const counts = []
    for (let second = 1; second <= 20; second++) {
      await pass(1_000)
      counts.push(script.commands.length)
    }
    assert.deepEqual([counts[1], counts[2], counts[5], counts[11], counts[19]], [1, 2, 3, 4, 4])
    assert.equal(pings(), 3)
    await script.commands[2].answer(['third'])
    assert.deepEqual(call, { value: 'third' })
    await script.settleAll()
    assert.deepEqual(call, { value: 'third' })
  })

  for (const [what, client, isRead] of /** @type {const} */ ([
    ['when the server answers nobody', pinged(false).client, true],
    ['with retryReads: false', pinged(true, { retryReads: false }).client, true],
    ['when it is a write', pinged(true).client, false],
  ])) {
    test(`is not asked again ${what}`, async () => {
      const script = new Script(client, isRead)
      script.ask('id')
      await pass(20_000)
      assert.equal(script.commands.length, 1)
    })
  }
})
