// Which binary is loaded: the native one where it can be, WebAssembly otherwise, and what is said about it. Part of
// `npm run test:wasm`.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const MongoStore = require('../..')
const { version } = require('../../package.json')
const { runInChild } = require('../support/child.js')
const { installAlone } = require('../support/install.js')

const ROOT = path.join(__dirname, '..', '..')
const PNP = require.resolve('../support/pnp.js')
const WASM = 'wasm32-wasip1'
const [ADDON] = fs.readdirSync(path.join(ROOT, 'native')).filter((file) => file.endsWith('.node'))
const PLATFORM = ADDON.split('.').at(-2)
const NATIVE_PACKAGE = `connect-mongo-native-${PLATFORM}`

/** The package as npm installs it, with its native binding in a package of its own. */
function install() {
  const folder = installAlone()
  const modules = path.join(folder, 'node_modules')
  const own = path.join(modules, 'connect-mongo-native')
  const native = path.join(modules, NATIVE_PACKAGE)
  fs.cpSync(path.join(ROOT, 'npm', PLATFORM, 'package.json'), path.join(native, 'package.json'))
  fs.renameSync(path.join(own, 'native', ADDON), path.join(native, ADDON))
  const manifest = JSON.parse(fs.readFileSync(path.join(own, 'package.json'), 'utf8'))
  manifest.optionalDependencies = { [NATIVE_PACKAGE]: version }
  fs.writeFileSync(path.join(own, 'package.json'), JSON.stringify(manifest))
  return {
    folder,
    native,
    addon: path.join(native, ADDON),
    wasm: path.join(modules, `connect-mongo-native-${WASM}`),
  }
}

/** The native package of another system, as if node_modules had been brought from there. @param {string} folder @param {string} system */
function addPackageOf(folder, system) {
  const name = `connect-mongo-native-${system}`
  const added = path.join(folder, 'node_modules', name)
  fs.cpSync(path.join(ROOT, 'npm', system, 'package.json'), path.join(added, 'package.json'))
  fs.writeFileSync(path.join(added, `connect-mongo-native.${system}.node`), 'of another system')
  const file = path.join(folder, 'node_modules', 'connect-mongo-native', 'package.json')
  const manifest = JSON.parse(fs.readFileSync(file, 'utf8'))
  manifest.optionalDependencies[name] = version
  fs.writeFileSync(file, JSON.stringify(manifest))
}

/** As the hash table of an ELF file has it: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html @param {string} name */
function elfHash(name) {
  let hash = 0
  for (const byte of Buffer.from(name)) {
    hash = (hash * 16 + byte) >>> 0
    const high = hash & 0xf0000000
    hash = ((hash ^ (high >>> 24)) & ~high) >>> 0
  }
  return Buffer.from(Uint32Array.of(hash).buffer)
}

/** Makes an addon need a glibc that there is none of yet. @param {string} addon @returns {string} its version */
function askForGlibc(addon) {
  const bytes = fs.readFileSync(addon)
  const [name] = /GLIBC_2\.\d+(?=\0)/.exec(bytes.toString('latin1'))
  const later = name.replace('2.', '9.')
  elfHash(later).copy(bytes, bytes.indexOf(elfHash(name)))
  bytes.write(later, bytes.indexOf(name), 'latin1')
  fs.writeFileSync(addon, bytes)
  return later.replace('GLIBC_', '')
}

/** In a child: loads the package and tells what came of it. @param {{ arch?: string }} data */
function loadBody({ arch }) {
  if (arch) Object.defineProperty(process, 'arch', { value: arch })
  const warnings = []
  process.on('warning', ({ name, code, message, detail }) => warnings.push({ name, code, message, detail }))
  const report = {}
  try {
    report.binding = require('connect-mongo-native').binding
  } catch (error) {
    report.error = error.message
  }
  setImmediate(() => console.log(JSON.stringify({ ...report, warnings })))
}

/** @param {string} folder @param {{ arch?: string, env?: NodeJS.ProcessEnv, nodeArgs?: string[] }} [options] */
async function load(folder, { arch, env, nodeArgs } = {}) {
  const options = { cwd: folder, env: { NAPI_RS_FORCE_WASI: '', ...env }, nodeArgs }
  const { code, stdout, stderr } = await runInChild(loadBody, { arch }, options)
  assert.equal(code, 0, stderr)
  return { ...JSON.parse(stdout), stderr }
}

/** @param {Awaited<ReturnType<typeof load>>} loaded @param {RegExp} reason */
function assertFellBack({ binding, warnings, stderr }, reason) {
  assert.equal(binding, WASM)
  assert.equal(warnings.length, 1, JSON.stringify(warnings))
  const [{ name, code, message }] = warnings
  assert.deepEqual({ name, code }, { name: 'ConnectMongoWarning', code: 'CONNECT_MONGO_WASM' })
  assert.match(message, /^connect-mongo-native runs as WebAssembly, because /)
  assert.match(message, reason)
  assert.equal(stderr.match(/Warning:/g).length, 1, stderr)
}

test('this run is on WebAssembly', () => {
  assert.equal(MongoStore.binding, WASM)
})

describe('loaded is', () => {
  test('the native binding, in silence', async () => {
    const { binding, warnings, stderr } = await load(install().folder)
    assert.deepEqual({ binding, warnings, stderr }, { binding: PLATFORM, warnings: [], stderr: '' })
  })

  for (const env of [
    { NAPI_RS_FORCE_WASI: 'error' },
    { NAPI_RS_FORCE_WASI: 'true' },
    { NAPI_RS_FORCE_WASI: 'TRUE' },
    { NAPI_RS_FORCE_WASI: '1' },
    { NAPI_RS_WASI_FLAVOR: 'wasm32-wasip1-threads' },
  ]) {
    test(`WebAssembly with ${new URLSearchParams(env)}, in silence`, async () => {
      const { binding, warnings, stderr } = await load(install().folder, { env })
      assert.deepEqual({ binding, warnings, stderr }, { binding: WASM, warnings: [], stderr: '' })
    })
  }

  for (const forced of ['0', 'false', '']) {
    test(`the native binding with NAPI_RS_FORCE_WASI=${forced}, in silence`, async () => {
      const { binding, warnings, stderr } = await load(install().folder, {
        env: { NAPI_RS_FORCE_WASI: forced },
      })
      assert.deepEqual({ binding, warnings, stderr }, { binding: PLATFORM, warnings: [], stderr: '' })
    })
  }

  for (const forced of ['1', 'true']) {
    test(`the native binding with NAPI_RS_FORCE_WASI=${forced} and no WebAssembly, with a warning`, async () => {
      const { folder, wasm } = install()
      fs.rmSync(wasm, { recursive: true })
      const { binding, warnings } = await load(folder, { env: { NAPI_RS_FORCE_WASI: forced } })
      assert.equal(binding, PLATFORM)
      assert.equal(warnings.length, 1)
      assert.equal(warnings[0].code, 'CONNECT_MONGO_WASM')
      assert.match(warnings[0].message, /runs natively, though NAPI_RS_FORCE_WASI asks for WebAssembly/)
      assert.match(warnings[0].detail, /Cannot find module 'connect-mongo-native-wasm32-wasip1'/)
    })
  }

  test('nothing with NAPI_RS_FORCE_WASI=error and no WebAssembly', async () => {
    const { folder, wasm } = install()
    fs.rmSync(wasm, { recursive: true })
    const { error } = await load(folder, { env: { NAPI_RS_FORCE_WASI: 'error' } })
    assert.match(
      error,
      /^connect-mongo-native cannot start: NAPI_RS_FORCE_WASI asks for WebAssembly, and .*Cannot find/
    )
  })
})

describe('WebAssembly is loaded, with one warning that says why, when the native binding', () => {
  test('is not installed', async () => {
    const { folder, native } = install()
    fs.rmSync(native, { recursive: true })
    const loaded = await load(folder)
    assertFellBack(loaded, new RegExp(`\\(${NATIVE_PACKAGE}\\) is not installed$`))
    assert.match(
      loaded.warnings[0].detail,
      /through the mongodb package.*optional dependencies.*package-lock/
    )
  })

  test('is a package without its file', async () => {
    const { folder, addon } = install()
    fs.rmSync(addon)
    assertFellBack(await load(folder), /is not installed$/)
  })

  test('is installed for the other C library', async () => {
    const { folder, native } = install()
    const other = NATIVE_PACKAGE.replace(/gnu$|musl$/, (libc) => (libc === 'gnu' ? 'musl' : 'gnu'))
    fs.renameSync(native, path.join(path.dirname(native), other))
    assertFellBack(await load(folder), /made for another C library than that of this system$/)
  })

  for (const systems of [['darwin-arm64'], ['win32-x64-msvc'], ['darwin-arm64', 'linux-arm64-musl']]) {
    test(`is installed for another system, ${systems}`, async () => {
      const { folder, native } = install()
      fs.rmSync(native, { recursive: true })
      for (const system of systems) addPackageOf(folder, system)
      const loaded = await load(folder)
      assertFellBack(
        loaded,
        new RegExp(
          `installed for another system \\(${systems.join(', ')}\\), not for this one \\(${PLATFORM}\\)$`
        )
      )
      assert.match(loaded.warnings[0].detail, /Install again on the system.*node_modules.*npm ci/)
    })
  }

  test("is not installed by Yarn's Plug'n'Play", async () => {
    const { folder, native } = install()
    fs.rmSync(native, { recursive: true })
    const loaded = await load(folder, { nodeArgs: ['--require', PNP] })
    assertFellBack(loaded, new RegExp(`\\(${NATIVE_PACKAGE}\\) is not installed$`))
    assert.match(loaded.warnings[0].detail, /yarn install.*supportedArchitectures/)
    assert.doesNotMatch(loaded.warnings[0].detail, /npm|node_modules/)
  })

  test("is installed for another system by Yarn's Plug'n'Play", async () => {
    const { folder, native } = install()
    fs.rmSync(native, { recursive: true })
    addPackageOf(folder, 'darwin-arm64')
    const loaded = await load(folder, { nodeArgs: ['--require', PNP] })
    assertFellBack(loaded, /installed for another system \(darwin-arm64\), not for this one/)
    assert.match(loaded.warnings[0].detail, /yarn install.*supportedArchitectures/)
  })

  for (const arch of ['riscv64', 'mips']) {
    test(`does not exist for the processor, ${arch}`, async () => {
      const reason = new RegExp(`there is no native binding for ${PLATFORM.replace(process.arch, arch)}$`)
      assertFellBack(await load(install().folder, { arch }), reason)
    })
  }

  test('is garbage', async () => {
    const { folder, addon } = install()
    fs.writeFileSync(addon, 'garbage, and more of it than a header has'.repeat(100))
    assertFellBack(await load(folder), /damaged, or for another kind of processor$/)
  })

  test('is for another processor', async () => {
    const { folder, addon } = install()
    const bytes = fs.readFileSync(addon)
    const machine = { offset: 18, s390: 22 }
    bytes.writeUInt16LE(machine.s390, machine.offset)
    fs.writeFileSync(addon, bytes)
    assertFellBack(await load(folder), /damaged, or for another kind of processor$/)
  })

  if (PLATFORM.endsWith('-gnu')) {
    test('needs a later glibc', async () => {
      const { folder, addon } = install()
      const needed = askForGlibc(addon)
      const loaded = await load(folder)
      const { glibcVersionRuntime } = process.report.getReport().header
      assertFellBack(
        loaded,
        new RegExp(`needs glibc ${needed} or later, and this system has ${glibcVersionRuntime}$`)
      )
    })
  }

  test('is a folder that Node has no permission for', async () => {
    const { folder } = install()
    const permission = process.versions.node.startsWith('20.') ? '--experimental-permission' : '--permission'
    const loaded = await load(folder, { nodeArgs: [permission, `--allow-fs-read=*`] })
    assert.equal(loaded.binding, WASM)
    assert.match(loaded.warnings.at(-1).message, /the system refuses to load its native binding$/)
    assert.match(loaded.warnings.at(-1).detail, /--allow-addons with its permission model/)
  })

  test('is refused by Node', async () => {
    const loaded = await load(install().folder, { nodeArgs: ['--no-addons'] })
    assertFellBack(loaded, /the system refuses to load its native binding$/)
    assert.match(loaded.warnings[0].detail, /noexec.*--no-addons.*\n.*addons is disabled/)
  })
})

/** What the systems say that no test can have here. */
const MESSAGES = [
  [
    /made for another C library/,
    'libc.musl-x86_64.so.1: cannot open shared object file: No such file or directory',
  ],
  [
    /made for another C library/,
    'Error loading shared library ld-linux-x86-64.so.2: No such file or directory',
  ],
  [/made for another C library/, 'Error relocating /app/x.node: __memcpy_chk: symbol not found'],
  [
    /needs glibc 2\.38 or later, and this system has \d/,
    "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/x.node)",
  ],
  [/made for another C library/, '/usr/lib/x86_64-linux-gnu/libc.so: invalid ELF header'],
  [/system refuses/, '/app/x.node: failed to map segment from shared object'],
  [/system refuses/, '/app/x.node: failed to map segment from shared object: Operation not permitted'],
  [/system refuses/, '/app/x.node: cannot open shared object file: Permission denied'],
  [/system refuses/, "dlopen(/app/x.node, 0x0001): tried: '/app/x.node' (code signature invalid)"],
  [/system refuses/, '\\\\?\\C:\\app\\x.node: Access is denied.'],
  [/damaged/, '/app/x.node: wrong ELF class: ELFCLASS32'],
  [/damaged/, '/app/x.node: invalid ELF header'],
  [/damaged/, "dlopen(/app/x.node): (mach-o file, but is an incompatible architecture (have 'x86_64'))"],
  [/damaged/, '\\\\?\\C:\\app\\x.node is not a valid Win32 application.'],
  [
    /Deno is not allowed to load its native binding/,
    'Requires ffi access to "/app/x.node", run again with the --allow-ffi flag',
  ],
  [
    /Deno is not allowed to load its native binding/,
    'Requires read access to "/app", run again with the --allow-read flag',
  ],
  [
    /cannot be loaded \(libgcc_s\.so\.1: cannot open/,
    'libgcc_s.so.1: cannot open shared object file: No such file',
  ],
]

describe('the warning tells apart', () => {
  for (const [reason, message] of MESSAGES) {
    test(message, async (t) => {
      const { folder } = install()
      const fake = path.join(folder, 'fake.js')
      fs.writeFileSync(fake, `throw new Error(${JSON.stringify(message)})`)
      const loaded = await load(folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: fake } })
      assertFellBack(loaded, reason)
      const said = `${loaded.warnings[0].message}\n${loaded.warnings[0].detail}`
      assert.ok(said.includes(message), said)
      t.diagnostic(loaded.warnings[0].message)
    })
  }

  for (const [title, exports, reason] of /** @type {const} */ ([
    ['a binding of another version', "{ version: () => '0.0.9' }", /is of version 0\.0\.9, not \d/],
    ['a binding that has no version', '{}', /is of version unknown, not \d/],
  ])) {
    test(title, async () => {
      const { folder } = install()
      const fake = path.join(folder, 'fake.js')
      fs.writeFileSync(fake, `module.exports = ${exports}`)
      const loaded = await load(folder, { env: { NAPI_RS_NATIVE_LIBRARY_PATH: fake } })
      assertFellBack(loaded, reason)
      assert.match(loaded.warnings[0].detail, /in one version/)
    })
  }
})

/** In a child: which system it is taken for. @param {{ file: string, maps?: string, hasReport: boolean }} data */
function hostTargetBody({ file, maps, hasReport }) {
  const fs = require('node:fs')
  const { readFileSync } = fs
  fs.readFileSync = (name, ...rest) => {
    if (name !== '/proc/self/maps') return readFileSync(name, ...rest)
    if (maps === undefined) throw new Error('There is no /proc')
    return maps
  }
  if (!hasReport) Object.defineProperty(process, 'report', { value: undefined })
  console.log(require(file).hostTarget())
}

describe('the C library is told by', () => {
  const file = path.join(ROOT, 'lib', 'native-binding.js')
  /** @param {{ maps?: string, hasReport?: boolean }} options */
  const libc = async ({ maps, hasReport = true }) => {
    const { stdout, stderr } = await runInChild(hostTargetBody, { file, maps, hasReport })
    assert.equal(stderr, '')
    return stdout.trim().split('-').at(-1)
  }

  const MAPS = /** @type {const} */ ([
    ['gnu', 'Debian 12', '/usr/lib/x86_64-linux-gnu/libc.so.6'],
    ['gnu', 'Debian 11', '/usr/lib/x86_64-linux-gnu/libc-2.31.so'],
    ['gnu', 'Fedora', '/usr/lib64/libc.so.6'],
    ['gnu', 'NixOS', '/nix/store/0wydilnf1c9vznywsvxqnaing4wraaxp-glibc-2.39-52/lib/libc.so.6'],
    ['musl', 'Alpine', '/lib/ld-musl-x86_64.so.1'],
    ['musl', 'Void', '/usr/lib/libc.so'],
    ['musl', 'Debian, with a Node for musl', '/usr/lib/x86_64-linux-musl/libc.so'],
  ])
  for (const [expected, system, mapped] of MAPS) {
    test(`what is mapped on ${system}`, async () => {
      const maps = [
        '00400000-00d1c000 r--p 00000000 08:01 1049 /usr/bin/node',
        `7f2a1c000000-7f2a1c026000 r--p 00000000 08:01 2099                       ${mapped}`,
        '7ffd5c5f2000-7ffd5c613000 rw-p 00000000 00:00 0                          [stack]',
      ]
      assert.equal(await libc({ maps: `${maps.join('\n')}\n` }), expected)
    })
  }

  test("Node's report, where there is no /proc", async () => {
    assert.equal(await libc({}), PLATFORM.split('-').at(-1))
  })

  test('nothing, where there is no report either: it is taken for glibc', async () => {
    assert.equal(await libc({ hasReport: false }), 'gnu')
  })
})

describe('without a native binding', () => {
  test('and without WebAssembly, the error says why of both', async () => {
    const { folder, native, wasm } = install()
    for (const one of [native, wasm]) fs.rmSync(one, { recursive: true })
    const { error } = await load(folder)
    assert.match(
      error,
      /cannot start: its native binding \(\S+\) is not installed, and its WebAssembly .*Cannot find/
    )
  })

  test('and without mongodb, a mongoUrl is an error of one sentence', async () => {
    const { folder, native } = install()
    fs.rmSync(native, { recursive: true })
    const { stdout } = await runInChild(
      () => {
        try {
          require('connect-mongo-native').create({ mongoUrl: 'mongodb://localhost/app' })
        } catch (error) {
          console.log(error.message)
        }
      },
      undefined,
      { cwd: folder, env: { NAPI_RS_FORCE_WASI: '' } }
    )
    assert.match(
      stdout,
      /^connect-mongo-native runs as WebAssembly, because .* and needs .*npm install mongodb\n$/
    )
  })

  test("backend: 'native' is an error that says why", () => {
    assert.throws(() => new MongoStore({ mongoUrl: 'mongodb://localhost/app', backend: 'native' }), {
      message: "backend: 'native' cannot be had: NAPI_RS_FORCE_WASI asks for WebAssembly",
    })
  })
})

describe('WebAssembly', () => {
  test('hides no ExperimentalWarning of others', async () => {
    const { stderr } = await runInChild(
      () => {
        require('connect-mongo-native')
        const { WASI } = require('node:wasi')
        new WASI({ version: 'preview1' })
      },
      undefined,
      { cwd: install().folder, env: { NAPI_RS_FORCE_WASI: 'error' } }
    )
    assert.match(stderr, /^\(node:\d+\) ExperimentalWarning: WASI /)
    assert.equal(stderr.match(/Warning:/g).length, 1, stderr)
  })

  const secrets = Array.from({ length: 12 }, (_, index) => `secret ${index}`)

  for (const text of [
    '\ufeffword',
    '\ufeffand twenty more letters',
    'a\ud800z',
    '\udc00\ud800',
    '😀'.repeat(9),
    '\0',
    '',
  ]) {
    test(`gets and gives text as UTF-8 has it: ${JSON.stringify(text)}`, async () => {
      const { encrypt, decrypt } = MongoStore.createWebCryptoAdapter({ secret: 'squirrel' })
      assert.equal(await decrypt(await encrypt(text)), Buffer.from(text).toString())
    })
  }

  test('leaves the event loop a turn between two derivations of keys', async () => {
    let turns = 0
    const count = () => {
      turns++
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    await Promise.all(
      secrets.map((secret) => MongoStore.createKrupteinAdapter({ secret }).encrypt('{"user":"ada"}'))
    )
    clearImmediate(immediate)
    assert.ok(turns >= secrets.length, `${turns} turns`)
  })

  test('works in workers, and survives their end at any time', async () => {
    const { code, stdout, stderr } = await runInChild(async () => {
      const { once } = require('node:events')
      const { Worker } = require('node:worker_threads')
      const source = `
        const { createKrupteinAdapter } = require('../..')
        const { parentPort, workerData } = require('node:worker_threads')
        const adapter = createKrupteinAdapter({ secret: 'squirrel' })
        ;(async () => {
          const text = await adapter.decrypt(await adapter.encrypt(JSON.stringify({ user: workerData })))
          parentPort.postMessage(JSON.parse(JSON.parse(text)).user)
          for (;;) await createKrupteinAdapter({ secret: 'another' }).encrypt('{}')
        })()`
      for (let round = 0; round < 8; round++) {
        const workers = [0, 1].map(
          (index) => new Worker(source, { eval: true, workerData: 2 * round + index })
        )
        const answers = await Promise.all(workers.map((worker) => once(worker, 'message')))
        await Promise.all(workers.map((worker) => worker.terminate()))
        console.log(answers.flat().join())
      }
    })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.equal(stdout, Array.from({ length: 8 }, (_, round) => `${2 * round},${2 * round + 1}\n`).join(''))
  })

  test('keeps no process alive, and ends none', async () => {
    const { code, stdout, stderr } = await runInChild(() => {
      const { createKrupteinAdapter } = require('../..')
      const adapter = createKrupteinAdapter({ secret: 'squirrel' })
      // emnapi would end with the first `beforeExit`.
      process.once('beforeExit', async () => {
        console.log(await adapter.decrypt(await adapter.encrypt('{}')))
      })
    })
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '"{}"\n', stderr: '' })
  })

  test('adds this much to the start of an app', async (t) => {
    const { folder } = install()
    for (const name of ['express-session', 'mongodb']) {
      fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name))
    }
    /** @param {string} forced */
    const milliseconds = async (forced) => {
      const { stdout } = await runInChild(
        () => {
          require('express-session')
          require('mongodb')
          const start = performance.now()
          require('connect-mongo-native')
          console.log(performance.now() - start)
        },
        undefined,
        { cwd: folder, env: { NAPI_RS_FORCE_WASI: forced } }
      )
      return Number(stdout)
    }
    const median = async (/** @type {string} */ forced) => {
      const times = []
      for (let round = 0; round < 7; round++) times.push(await milliseconds(forced))
      return times.sort((a, b) => a - b)[3].toFixed(1)
    }
    t.diagnostic(`native: ${await median('')} ms, WebAssembly: ${await median('error')} ms`)
  })
})
