// The package managers that apps are installed with, and the ways in which apps come to a native binding, to that of another system, or
// to none. scripts/install/test-install.js goes through them.
'use strict'

const { name: NAME, version } = require('../../package.json')

/**
 * @typedef {import('./registry.js').Tool} Tool
 *
 * @typedef {object} Case
 * @property {string} title
 * @property {Record<string, string>} [files] in the app's folder
 * @property {(string[] | { remove: string } | { write: Record<string, string> })[]} steps arguments of the package manager, or what happens between
 * @property {string[]} [run] instead of the package manager's
 * @property {Expected} expected
 *
 * @typedef {object} Expected which binding is in use, with which warning
 * @property {'native' | 'wasm'} binding
 * @property {RegExp} [reason]
 * @property {RegExp} [remedy]
 *
 * @typedef {object} Manager
 * @property {string} name
 * @property {Tool} [tool] that of npm comes with Node
 * @property {boolean} [isProgram] no script for Node
 * @property {boolean} [isFast] part of the short run
 * @property {(url: string) => Record<string, string>} files in the app's folder, to have it use the registry
 * @property {string[]} [run] what the app is run with, after the package manager; otherwise it is Node
 * @property {Case[]} cases
 */

/** @type {Expected} */
const NATIVE = { binding: 'native' }
/** @type {Expected} */
const NOT_INSTALLED = {
  binding: 'wasm',
  reason: /its native binding \(connect-mongo-native-\S+\) is not installed$/,
  remedy: /Install again on the system .* with optional dependencies\./,
}
/** @type {Expected} */
const OF_A_MAC = {
  binding: 'wasm',
  reason: /packages were installed for another system \(darwin-arm64\), not for this one/,
  remedy: /Install again on the system .*run npm ci there\./,
}
/** @type {Expected} */
const OF_A_MAC_WITH_PNP = {
  ...OF_A_MAC,
  remedy: /Run yarn install .*supportedArchitectures of \.yarnrc\.yml/,
}
/** @type {Expected} */
const OF_MUSL = {
  binding: 'wasm',
  reason: /was made for another C library than that of this system$/,
  remedy: /does not run with musl \(Alpine\)/,
}

/** What has connect-mongo of its own, or wants the app to have it, gets what the app says. */
const ALIAS = `npm:${NAME}@${version}`
const LIBRARIES = {
  dependent: { dependencies: { 'connect-mongo': '^6.0.0' } },
  peer: { peerDependencies: { 'connect-mongo': '^5.0.0 || ^6.0.0' } },
}
const IN_PLACE = `
const visit = require('./visit.cjs')
for (const library of ['dependent', 'peer'])
  if (require(library).binding === undefined) throw new Error(library + ' has another connect-mongo')
visit(require('connect-mongo'))`

/**
 * An app with this package in connect-mongo's place, for its libraries as well.
 *
 * @param {string} title
 * @param {object} settings in the app's package.json
 * @param {Record<string, string>} [files]
 * @returns {Case}
 */
function inPlaceOfConnectMongo(title, settings, files) {
  const libraries = Object.entries(LIBRARIES).flatMap(([name, dependencies]) => [
    [`${name}/package.json`, JSON.stringify({ name, version: '1.0.0', ...dependencies })],
    [`${name}/index.js`, "module.exports = require('connect-mongo')"],
  ])
  const dependencies = { 'connect-mongo': ALIAS, dependent: 'file:./dependent', peer: 'file:./peer' }
  return {
    title,
    files: {
      ...Object.fromEntries(libraries),
      ...files,
      'package.json': JSON.stringify({ name: 'app', private: true, dependencies, ...settings }),
      'app.cjs': `require('./warnings.cjs')\n${IN_PLACE}`,
      'app.mjs': "import './app.cjs'",
    },
    steps: [['install']],
    expected: NATIVE,
  }
}

const MODULES = { remove: 'node_modules' }
const MAC = ['--os=darwin', '--cpu=arm64']
const MUSL = ['--os=linux', `--cpu=${process.arch}`, '--libc=musl']

/** @param {string} url */
const npmrc = (url) => ({ '.npmrc': `registry=${url}\n` })

/** @type {Manager} */
const NPM = {
  name: 'npm',
  isFast: true,
  files: npmrc,
  cases: [
    { title: 'install', steps: [['install']], expected: NATIVE },
    { title: '--ignore-scripts', steps: [['install', '--ignore-scripts']], expected: NATIVE },
    { title: '--omit=optional', steps: [['install', '--omit=optional']], expected: NOT_INSTALLED },
    {
      title: 'ci --omit=optional',
      steps: [['install'], ['ci', '--omit=optional']],
      expected: NOT_INSTALLED,
    },
    { title: 'for a Mac', steps: [['install', ...MAC]], expected: OF_A_MAC },
    { title: 'for musl', steps: [['install', ...MUSL]], expected: OF_MUSL },
    { title: "ci with a Mac's lockfile", steps: [['install', ...MAC], MODULES, ['ci']], expected: NATIVE },
    inPlaceOfConnectMongo('as connect-mongo, with overrides', {
      overrides: { 'connect-mongo': '$connect-mongo' },
    }),
  ],
}

/** What comes with Node 20 and 22. @type {Manager} */
const NPM_10 = {
  name: 'npm 10',
  tool: { name: 'npm', version: '10.9.9', bin: 'npm/bin/npm-cli.js' },
  files: npmrc,
  cases: [
    { title: 'install', steps: [['install']], expected: NATIVE },
    {
      title: "ci with a lockfile made of a Mac's node_modules (npm/cli#4828)",
      steps: [['install', ...MAC], { remove: 'package-lock.json' }, ['install', ...MAC], MODULES, ['ci']],
      expected: { ...NOT_INSTALLED, remedy: /npm\/cli\/issues\/4828/ },
    },
  ],
}

/** @param {string} systems as pnpm's settings have them */
const pnpmSettings = (systems = '') => `hoist: false\nminimumReleaseAge: 0\n${systems}`

/** @param {string} os @param {string} cpu @param {string} [libc] */
function supported(os, cpu, libc) {
  const lines = [`  os: [${os}]`, `  cpu: [${cpu}]`, ...(libc ? [`  libc: [${libc}]`] : [])]
  return `supportedArchitectures:\n${lines.join('\n')}\n`
}

const ON_MAC = supported('darwin', 'arm64')
const ON_MUSL = supported('linux', process.arch, 'musl')

/** @param {string} [systems] */
const pnpmWorkspace = (systems) => ({ 'pnpm-workspace.yaml': pnpmSettings(systems) })

/** @type {Manager} */
const PNPM = {
  name: 'pnpm',
  // The last major version that takes Node 20.
  tool: { name: 'pnpm', version: '10.34.9', bin: 'pnpm/bin/pnpm.cjs' },
  isFast: true,
  files: (url) => ({ ...npmrc(url), ...pnpmWorkspace() }),
  cases: [
    { title: 'install, strict', steps: [['install']], expected: NATIVE },
    { title: '--ignore-scripts', steps: [['install', '--ignore-scripts']], expected: NATIVE },
    { title: '--no-optional', steps: [['install', '--no-optional']], expected: NOT_INSTALLED },
    { title: 'for a Mac', files: pnpmWorkspace(ON_MAC), steps: [['install']], expected: OF_A_MAC },
    { title: 'for musl', files: pnpmWorkspace(ON_MUSL), steps: [['install']], expected: OF_MUSL },
    {
      title: "--frozen-lockfile with a Mac's lockfile",
      files: pnpmWorkspace(ON_MAC),
      steps: [['install'], MODULES, { write: pnpmWorkspace() }, ['install', '--frozen-lockfile']],
      expected: NATIVE,
    },
    inPlaceOfConnectMongo('as connect-mongo, with pnpm.overrides', {
      pnpm: { overrides: { 'connect-mongo': ALIAS } },
    }),
    inPlaceOfConnectMongo(
      'as connect-mongo, with overrides of pnpm-workspace.yaml',
      {},
      pnpmWorkspace(`overrides:\n  connect-mongo: ${ALIAS}\n`)
    ),
  ],
}

/** @type {Manager} */
const YARN_1 = {
  name: 'yarn 1',
  tool: { name: 'yarn', version: '1.22.22', bin: 'yarn/bin/yarn.js' },
  files: npmrc,
  cases: [
    { title: 'install', steps: [['install']], expected: NATIVE },
    { title: '--ignore-scripts', steps: [['install', '--ignore-scripts']], expected: NATIVE },
    { title: '--ignore-optional', steps: [['install', '--ignore-optional']], expected: NOT_INSTALLED },
    // Which is how it installs for another system: for all of them.
    { title: '--ignore-platform', steps: [['install', '--ignore-platform']], expected: NATIVE },
    {
      title: '--frozen-lockfile',
      steps: [['install', '--ignore-optional'], MODULES, ['install', '--frozen-lockfile']],
      expected: NATIVE,
    },
    inPlaceOfConnectMongo('as connect-mongo, with resolutions', { resolutions: { 'connect-mongo': ALIAS } }),
  ],
}

/** @param {string} url @param {string} linker @param {string} [further] */
function yarnrc(url, linker, further = '') {
  const settings = {
    nodeLinker: linker,
    npmRegistryServer: url,
    unsafeHttpWhitelist: '["127.0.0.1"]',
    enableTelemetry: false,
    enableImmutableInstalls: false,
    npmMinimalAgeGate: 0,
    // Otherwise it is there only for apps of type "module".
    pnpEnableEsmLoader: true,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${value}`)
  return `${lines.join('\n')}\n${further}`
}

/** @type {Tool} */
const YARN = { name: '@yarnpkg/cli-dist', version: '4.18.1', bin: '@yarnpkg/cli-dist/bin/yarn.js' }

/** What else is in .yarnrc.yml, in a place of its own: it is added to. */
const FURTHER = '.yarnrc.further.yml'

/** @param {'pnp' | 'node-modules'} linker @param {Expected} ofMac @param {Partial<Manager>} further @returns {Manager} */
function yarn4(linker, ofMac, further) {
  const installed = linker === 'pnp' ? '.pnp.cjs' : 'node_modules'
  return {
    name: `yarn 4, ${linker}`,
    tool: YARN,
    files: (url) => ({ '.yarnrc.yml': yarnrc(url, linker), 'yarn.lock': '' }),
    ...further,
    cases: [
      { title: 'install', steps: [['install']], expected: NATIVE },
      {
        title: 'enableScripts: false',
        files: { [FURTHER]: 'enableScripts: false\n' },
        steps: [['install']],
        expected: NATIVE,
      },
      { title: 'for a Mac', files: { [FURTHER]: ON_MAC }, steps: [['install']], expected: ofMac },
      {
        title: "--immutable with a Mac's lockfile",
        files: { [FURTHER]: ON_MAC },
        steps: [['install'], { remove: installed }, { write: { [FURTHER]: '' } }, ['install', '--immutable']],
        expected: NATIVE,
      },
      inPlaceOfConnectMongo('as connect-mongo, with resolutions', {
        resolutions: { 'connect-mongo': ALIAS },
      }),
    ],
  }
}

/** @type {Tool} */
const BUN_TOOL = { name: 'bun', version: '1.4.5', bin: 'bun/bin/bun.exe', setUp: 'bun/install.js' }
/** @type {Tool} */
const DENO_TOOL = { name: 'deno', version: '2.9.6', bin: 'deno/deno', setUp: 'deno/install.cjs' }

/** @type {Manager} */
const BUN = {
  name: 'bun',
  tool: BUN_TOOL,
  isProgram: true,
  files: (url) => ({ 'bunfig.toml': `[install]\nregistry = "${url}"\n` }),
  run: [],
  cases: [
    { title: 'install', steps: [['install']], expected: NATIVE },
    { title: '--ignore-scripts', steps: [['install', '--ignore-scripts']], expected: NATIVE },
    { title: '--omit=optional', steps: [['install', '--omit=optional']], expected: NOT_INSTALLED },
    { title: 'for a Mac', steps: [['install', ...MAC]], expected: OF_A_MAC },
    {
      title: "--frozen-lockfile with a Mac's lockfile",
      steps: [['install', ...MAC], MODULES, ['install', '--frozen-lockfile']],
      expected: NATIVE,
    },
    inPlaceOfConnectMongo('as connect-mongo, with overrides', { overrides: { 'connect-mongo': ALIAS } }),
  ],
}

/** @type {Expected} */
const WITHOUT_FFI = {
  binding: 'wasm',
  reason: /Deno is not allowed to load its native binding$/,
  remedy: /^.*Run it with --allow-ffi and --allow-read/,
}

/** @param {object} [further] */
const denoSettings = (further) => ({ 'deno.json': JSON.stringify({ minimumDependencyAge: 0, ...further }) })

/** It runs no scripts but those that are allowed by name. @type {Manager} */
const DENO = {
  name: 'deno',
  tool: DENO_TOOL,
  isProgram: true,
  files: (url) => ({ ...npmrc(url), ...denoSettings() }),
  run: ['run', '--allow-all'],
  cases: [
    { title: 'install', steps: [['install']], expected: NATIVE },
    {
      title: 'install, without node_modules',
      files: denoSettings({ nodeModulesDir: 'none' }),
      steps: [['install']],
      expected: NATIVE,
    },
    {
      title: 'run without --allow-ffi',
      steps: [['install']],
      run: ['run', '--no-prompt', '--allow-read', '--allow-env', '--allow-net', '--allow-sys'],
      expected: WITHOUT_FFI,
    },
  ],
}

const MANAGERS = [
  NPM,
  NPM_10,
  PNPM,
  YARN_1,
  yarn4('pnp', OF_A_MAC_WITH_PNP, { isFast: true, run: ['node'] }),
  yarn4('node-modules', OF_A_MAC, {}),
  BUN,
  DENO,
]

module.exports = { BUN_TOOL, DENO_TOOL, FURTHER, MANAGERS }
