// The code in the pages of documentation: JavaScript is type-checked, all else is what it says. What can run alone is run as well, by
// process/docs-code.test.js and packages/bundles.test.js.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { promisify } = require('node:util')
const { allBlocks } = require('../support/code-blocks.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
/** Within the package, so that it finds itself by its name. */
const FOLDER = path.join(ROOT, 'target', 'docs-code')
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

/** How a block is checked that is no JavaScript. `text` is what something prints. */
const LANGUAGES = ['js', 'sh', 'diff', 'json', 'text']

/** What pieces take from the app around them, and packages that only readers have. */
const AROUND = `
import ExpressSession = require('express-session')
import Store = require('connect-mongo-native')
declare module 'express-session' {
  interface SessionData { [name: string]: any }
}
declare module 'node:diagnostics_channel' {
  // Who subscribes need not listen to all five events.
  function tracingChannel(name: string): any
}
declare global {
  const app: import('express').Express
  const session: typeof ExpressSession
  const MongoStore: typeof Store
  const store: Store
  const server: import('node:http').Server
  const mongoose: any
  const mongoUrl: string
  const secret: string
  const leaving: string
  let count: number
  function changePassword(user: any, password: string): Promise<void>
  function escapeHtml(text: string): string
  namespace Express { interface Request { user?: any } }
}`
const PACKAGES = ['@opentelemetry/sdk-node', '@sentry/node', 'dd-trace']

const OPTIONS = {
  compilerOptions: {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    target: 'es2023',
    module: 'nodenext',
    strict: false,
    allowUnusedLabels: true,
    skipLibCheck: true,
    types: ['node'],
  },
  include: ['*'],
}

const blocks = allBlocks()
/** @param {string} language */
const of = (language) => blocks.filter((block) => block.language === language)
const scripts = of('js').filter(({ code }) => !isOfShell(code))

/** Of mongosh. @param {string} code */
function isOfShell(code) {
  return code.startsWith('db.')
}

/** @param {import('../support/code-blocks.js').Block} block */
function fileOf({ page, line, code }) {
  const isCommon = /\brequire\(|module\.exports/.test(code) && !/^(import|.*\bawait\b)/m.test(code)
  return `${page.replace(/\W+/g, '-')}-line-${line}.${isCommon ? 'cjs' : 'mjs'}`
}

test('each block says what it is', () => {
  const unknown = blocks.filter(({ language }) => !LANGUAGES.includes(language))
  assert.deepEqual(
    unknown.map(({ page, line, language }) => `${page}:${line} ${language}`),
    []
  )
  for (const language of ['js', 'sh', 'diff', 'text']) assert.ok(of(language).length > 0, language)
})

test('JavaScript has the types that it takes itself to have', { timeout: 120_000 }, async () => {
  fs.rmSync(FOLDER, { recursive: true, force: true })
  fs.mkdirSync(FOLDER, { recursive: true })
  const write = (/** @type {string} */ name, /** @type {string} */ text) =>
    fs.writeFileSync(path.join(FOLDER, name), text)
  write('around.d.cts', AROUND)
  write('packages.d.ts', PACKAGES.map((name) => `declare module '${name}'`).join('\n'))
  write('tsconfig.json', JSON.stringify(OPTIONS))
  // A module of its own: what it declares is not known to the next.
  for (const block of scripts)
    write(fileOf(block), `${block.code}${fileOf(block).endsWith('.mjs') ? '\nexport {}\n' : ''}`)
  assert.ok(scripts.length > 30)
  const errors = await run(process.execPath, [TSC, '-p', FOLDER]).then(
    () => '',
    ({ stdout }) => stdout
  )
  assert.equal(errors, '')
})

test('a change begins with what connect-mongo is used with', () => {
  for (const { code, page } of of('diff'))
    for (const line of code.trimEnd().split('\n')) assert.match(line, /^[-+ ] /, page)
})

test('JSON is JSON', () => {
  for (const { code } of of('json')) JSON.parse(code)
})

describe('a command for the shell', () => {
  const { scripts: npmScripts, devDependencies } = require('../../package.json')
  const cli = path.join(ROOT, 'cli', 'lib', 'commands')
  const commands = of('sh').flatMap(({ code, page, line }) =>
    code
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((text) => ({ page, line, words: wordsOf(text) }))
      .filter(({ words }) => words.length > 0)
  )

  /** Without variables before it, and what a comment says behind it. @param {string} text */
  function wordsOf(text) {
    const words = text.replace(/\s#.*$/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? []
    return words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word)))
  }

  /** @param {string[]} words */
  function assertCli([command, ...rest]) {
    if (command.startsWith('--')) return
    const text = fs.readFileSync(path.join(cli, `${command}.js`), 'utf8')
    const main = fs.readFileSync(path.join(ROOT, 'cli', 'lib', 'main.js'), 'utf8')
    for (const flag of rest.filter((word) => word.startsWith('--')))
      assert.ok(
        text.includes(`'${flag} `) || text.includes(`'${flag}'`) || main.includes(flag),
        `${command} ${flag}`
      )
  }

  /** What each begins with, and what is checked of the rest. @type {Record<string, (words: string[]) => void>} */
  const KNOWN = {
    'npm run': ([script]) => assert.ok(script in npmScripts, script),
    'npm test': () => {},
    'npm ci': () => {},
    'npm install': (names) => {
      const isKnown = (/** @type {string} */ name) =>
        /^connect-mongo(-native|@npm:connect-mongo-native$)|^-/.test(name) ||
        name in devDependencies ||
        PACKAGES.includes(name)
      assert.deepEqual(
        names.filter((name) => !isKnown(name)),
        []
      )
    },
    'npx connect-mongo-native': assertCli,
    // npm run test:frameworks starts the examples.
    export: () => {},
    'npm start': () => {},
    // Of those who release: each needs a registry or GitHub that takes it.
    'npm deprecate': () => {},
    'npm dist-tag': () => {},
    'npm login': () => {},
    'npm access': () => {},
    'npm trust': () => {},
    'sleep 2': () => {},
    'gh run download': () => {},
    'for name in $(npm run publish:release': () => {},
    done: () => {},
    // packages/bundles.test.js runs these.
    'npx esbuild': () => {},
    'npx @vercel/ncc': () => {},
    'npx postject': () => {},
    'bun build': () => {},
    'node --experimental-sea-config': () => {},
    'cp "$(command': () => {},
    'echo \'{ "main": "dist/app.js", "output": "dist/app.blob" }\'': () => {},
    'node --import': () => {},
  }

  for (const { page, line, code } of of('sh'))
    test(`${page}:${line} is one`, () => run('bash', ['-n', '-c', code]))

  for (const { page, line, words } of commands)
    test(`${page}:${line} ${words.join(' ')}`, () => {
      const begin = Object.keys(KNOWN).find((known) => words.join(' ').startsWith(known))
      assert.ok(begin, 'nobody checks it')
      KNOWN[begin](words.slice(begin.split(' ').length))
    })
})
