// The types, compiled as an app would: the files in types/ are put into a project that has the package installed.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after, before, describe, it } = require('node:test')
const { promisify } = require('node:util')
const { MONGO_OPTIONS } = require('../../lib/mongo/option-table.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
const MODULES = path.join(ROOT, 'node_modules')

const TSC = path.join(MODULES, 'typescript', 'bin', 'tsc')
const OPENTELEMETRY = ['@types/node', '@opentelemetry']
const TYPES = ['index.d.ts', 'index.d.mts', 'opentelemetry.d.ts', 'opentelemetry.d.mts']
const EXPRESS = ['@types/node', '@types/express', '@types/express-session', 'mongodb']

const STRICT = { strict: true, noEmit: true, skipLibCheck: false, types: ['node'] }
const NODE = {
  ...STRICT,
  target: 'es2022',
  lib: ['es2022'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
}
const BUNDLER = { ...NODE, module: 'preserve', moduleResolution: 'bundler' }

/** @param {string} file */
const read = (file) => readFile(path.join(ROOT, file), 'utf8')

/** @type {string} */
let folder

/** @param {string} project @param {(string | [name: string, alias: string])[]} packages */
async function install(project, packages) {
  const modules = path.join(project, 'node_modules')
  for (const entry of packages) {
    const [name, installed] = Array.isArray(entry) ? entry : [entry, entry]
    await mkdir(path.dirname(path.join(modules, name)), { recursive: true })
    await symlink(path.join(MODULES, installed), path.join(modules, name), 'junction')
  }
  // A copy: behind a link the compiler would find what this repository has installed.
  for (const name of ['package.json', ...TYPES, 'lib']) {
    await cp(path.join(ROOT, name), path.join(modules, 'connect-mongo-native', name), { recursive: true })
  }
}

/**
 * @param {{ files: string[], packages?: (string | [string, string])[], compilerOptions?: object }} project
 * @returns {Promise<string>} what the compiler complains about
 */
async function complaints({ files, packages = EXPRESS, compilerOptions = NODE }) {
  const project = await mkdtemp(path.join(folder, 'project-'))
  await install(project, packages)
  for (const file of files)
    await cp(path.join(__dirname, '..', 'types', file), path.join(project, path.basename(file)))
  const config = { compilerOptions, files: files.map((file) => path.basename(file)) }
  await writeFile(path.join(project, 'tsconfig.json'), JSON.stringify(config))
  return compile(project)
}

/** @param {string} project */
function compile(project) {
  return run(process.execPath, [TSC, '-p', project], { cwd: project }).then(
    ({ stdout }) => stdout,
    (error) => error.stdout || error.message
  )
}

/**
 * @param {(types: string) => string} change of index.d.ts
 * @returns {Promise<string>} what the compiler complains about when it holds the class against that
 */
async function complaintsOfClass(change) {
  const project = await mkdtemp(path.join(folder, 'class-'))
  for (const name of ['index.js', 'index.mjs', 'index.d.mts', 'package.json', 'lib', 'native/binding.d.ts'])
    await cp(path.join(ROOT, name), path.join(project, name), { recursive: true })
  await symlink(MODULES, path.join(project, 'node_modules'), 'junction')
  const types = path.join('__test__', 'types', 'class.cts')
  await cp(path.join(ROOT, types), path.join(project, types))
  await writeFile(path.join(project, 'index.d.ts'), change(await read('index.d.ts')))
  const { compilerOptions } = JSON.parse(await read('tsconfig.json'))
  await writeFile(
    path.join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck: true }, files: [types] })
  )
  return compile(project)
}

/** @param {string} name */
const hasEffect = (name) => ['passed', 'javascript'].includes(MONGO_OPTIONS[name].native)

describe('types', { concurrency: 2 }, () => {
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'connect-mongo-native-types-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('fit every way of importing the package from CommonJS', async () => {
    assert.equal(await complaints({ files: ['commonjs.cts'] }), '')
  })

  it('take clients of every version of the driver, and mongoose', async () => {
    // mongoose's own types do not pass without skipLibCheck.
    const compilerOptions = { ...NODE, skipLibCheck: true }
    const packages = [...EXPRESS, 'mongodb-5', 'mongodb-6', ['mongoose', 'mongoose-9']]
    assert.equal(await complaints({ files: ['clients.mts'], packages, compilerOptions }), '')
  })

  it('fit every way of importing the package from an ECMAScript module', async () => {
    assert.equal(await complaints({ files: ['module.mts'] }), '')
  })

  for (const [kind, compilerOptions] of /** @type {const} */ ([
    ['for Node', NODE],
    ['for a bundler', BUNDLER],
    [
      'by the strictest settings',
      { ...NODE, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ],
  ])) {
    it(`fit OpenTelemetry, ${kind}`, async () => {
      const files = ['opentelemetry.cts', 'opentelemetry.mts']
      assert.equal(await complaints({ files, packages: OPENTELEMETRY, compilerOptions }), '')
    })
  }

  it('fit an app that is bundled', async () => {
    assert.equal(await complaints({ files: ['commonjs.cts', 'module.mts'], compilerOptions: BUNDLER }), '')
  })

  it('can be extended, and named in the declarations of an app', async () => {
    const compilerOptions = { ...NODE, noEmit: false, declaration: true, outDir: 'out' }
    assert.equal(await complaints({ files: ['extended.cts'], compilerOptions }), '')
  })

  it('describe methods, options and events, and refuse what is wrong', async () => {
    assert.equal(await complaints({ files: ['store.mts'] }), '')
  })

  it("take subclasses with connect-mongo's signatures", async () => {
    assert.equal(await complaints({ files: ['subclasses.mts'] }), '')
  })

  it('describe encryption, and refuse what is wrong', async () => {
    assert.equal(await complaints({ files: ['encryption.mts'] }), '')
  })

  it('take what was written for the encryption of connect-mongo 6', async () => {
    const packages = [...EXPRESS, 'connect-mongo']
    assert.equal(await complaints({ files: ['connect-mongo-6.mts'], packages }), '')
  })

  it('fit express-session, with what an app adds to SessionData', async () => {
    assert.equal(await complaints({ files: ['express.mts'] }), '')
  })

  it('take what was made for the MongoClient of the Node driver', async () => {
    assert.equal(await complaints({ files: ['mongo-options.mts'] }), '')
  })

  it('name every option of mongoOptions that has an effect, and none that is refused', async () => {
    const text = await read('lib/mongo/mongo-options.d.ts')
    const [, members] = /interface MongoOptions extends [^{]*\{\n(.*?)\n\}/s.exec(text) ?? []
    const named = [...members.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name)
    // loadBalanced works in mongoUrl only, as in the Node driver.
    const supported = Object.keys(MONGO_OPTIONS).filter((name) => name !== 'loadBalanced' && hasEffect(name))
    assert.deepEqual(
      supported.filter((name) => !named.includes(name)),
      []
    )
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(MONGO_OPTIONS, name) || MONGO_OPTIONS[name].native === 'refused'),
      []
    )
  })

  it('name every option that only the JavaScript driver honours', async () => {
    const text = await read('lib/mongo/mongo-options.d.ts')
    const [, union] = /type DriverOption =\n(.*?)\n\n/s.exec(text) ?? []
    const named = [...union.matchAll(/'(\w+)'/g)].map(([, name]) => name)
    const { native, driver } = { native: 'refused', driver: 'honoured' }
    const expected = Object.keys(MONGO_OPTIONS).filter(
      (name) => MONGO_OPTIONS[name].native === native && MONGO_OPTIONS[name].driver === driver
    )
    assert.deepEqual(named.sort(), expected.sort())
  })

  for (const [page, heading, declaration] of /** @type {const} */ ([
    ['README.md', 'Options', 'ConnectMongoOptions'],
    ['docs/api.md', 'Events', 'Events'],
  ])) {
    it(`have the ${heading.toLowerCase()} that ${page} has`, async () => {
      const [types, documentation] = await Promise.all(['index.d.ts', page].map(read))
      // What is there only to be deprecated is no option to anyone.
      const text = types.replace(/ {4}\/\*\* @deprecated .*\n.*\n/g, '')
      const [, members] =
        new RegExp(`interface ${declaration}<[^{]*\\{\n(.*?)\n {2}\\}`, 's').exec(text) ?? []
      const declared = [...members.matchAll(/^ {4}'?([\w-]+)'?\??:/gm)].map(([, name]) => name)
      const [, section] = new RegExp(`\n## ${heading}\n(.*?)\n## `, 's').exec(documentation) ?? []
      const rows = section.match(/^\|[^|]*/gm) ?? []
      const documented = rows.flatMap((row) => [...row.matchAll(/`([\w-]+)`/g)]).map(([, name]) => name)
      assert.deepEqual(documented.sort(), declared.sort())
    })
  }

  for (const [what, pattern] of /** @type {const} */ ([
    ['a method', /\n {2}ping\(.*(?=\n)/g],
    ['an option', /\n {4}strictTouch\?:.*(?=\n)/],
    ['an event', /\n {4}'set-refused':.*(?=\n)/],
  ])) {
    it(`are held against the class: it has ${what} that they have not`, async () => {
      assert.equal(await complaintsOfClass((types) => types), '')
      assert.match(await complaintsOfClass((types) => types.replace(pattern, '')), /class\.cts/)
      const another = (/** @type {string} */ line) => `${line}${line.replace(/\w+(?=['?(])/, 'another')}`
      assert.match(await complaintsOfClass((types) => types.replace(pattern, another)), /class\.cts/)
    })
  }

  it('are checked with every JavaScript file of the package', async () => {
    const { stdout } = await run(process.execPath, [TSC, '-p', ROOT, '--listFilesOnly'])
    const checked = stdout.split('\n').map((file) => path.relative(ROOT, file))
    const inLib = await readdir(path.join(ROOT, 'lib'), { recursive: true })
    const files = [
      'index.js',
      'index.mjs',
      'opentelemetry.js',
      'opentelemetry.mjs',
      ...inLib.map((file) => path.join('lib', file)),
    ]
    const unchecked = files.filter((file) => /\.m?js$/.test(file) && !checked.includes(file))
    assert.deepEqual(unchecked, [])
  })

  it('let `await using` close a store', async () => {
    const compilerOptions = { ...NODE, lib: ['es2022', 'esnext.disposable'] }
    assert.equal(await complaints({ files: ['dispose.mts'], compilerOptions }), '')
  })

  it('need no Symbol.asyncDispose', async () => {
    const files = ['module.mts', 'old-node/node-events.d.ts']
    const compilerOptions = { ...NODE, types: [] }
    assert.equal(await complaints({ files, packages: [], compilerOptions }), '')
  })

  it('need no @types/express-session', async () => {
    const files = ['without-express-session/plain.mts', 'commonjs.cts', 'module.mts']
    assert.equal(await complaints({ files, packages: ['@types/node'] }), '')
  })

  it('fit the strictest settings of the compiler', async () => {
    const compilerOptions = { ...NODE, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
    const files = ['store.mts', 'express.mts', 'encryption.mts', 'subclasses.mts']
    assert.equal(await complaints({ files, compilerOptions }), '')
  })
})
