// `npm run test:built`: whether a binary works on the system that it was built for. It takes what is there and builds nothing, so that
// a machine needs Node and this project's npm packages alone.
'use strict'

const { spawn } = require('node:child_process')
const path = require('node:path')
const { parseCommandLine } = require('../command-line.js')
const { startMongod } = require('../mongod.js')
const { ROOT, StepError, reportFailure } = require('../setup.js')
const { NATIVE, ON_ANY_SYSTEM } = require('../suites.js')

const USAGE = `Usage: npm run test:built [-- --installed FOLDER]

Runs __test__/platforms/smoke.js and a part of the tests on the binary in native/, or the first alone on the package that is
installed in the folder of an app.

MONGO_URL=mongodb://…    use this server instead of starting one
EXPECTED_BINDING=TARGET  fail where another one is loaded, such as the WebAssembly

  --installed FOLDER  the folder of an app, with the package in its node_modules
  --help              show this text`

const SMOKE = '__test__/platforms/smoke.js'
/** @param {string[]} args @param {NodeJS.ProcessEnv} env */
function runNode(args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: 'inherit',
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(undefined)
      reject(
        new StepError(`node ${args.join(' ')} ${signal ? `was ended by ${signal}` : `failed with ${code}`}`)
      )
    })
  })
}

/** @param {string} url @param {string} [installed] */
async function testOn(url, installed) {
  const env = { MONGO_URL: url }
  if (installed === undefined) {
    await runNode([SMOKE], env)
    return runNode(['--test', '--test-reporter=spec', ...ON_ANY_SYSTEM], { ...env, ...NATIVE })
  }
  const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), installed)
  await runNode([SMOKE], {
    ...env,
    CONNECT_MONGO_NATIVE_PATH: path.join(folder, 'node_modules', 'connect-mongo-native'),
  })
}

/** @param {string[]} args */
async function main(args) {
  const options = /** @type {const} */ ({
    installed: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  })
  const { installed, help } = parseCommandLine(args, options, USAGE).values
  if (help) return console.log(USAGE)
  if (process.env.MONGO_URL) return testOn(process.env.MONGO_URL, installed)
  const server = await startMongod(console.error)
  try {
    await testOn(server.getUri(), installed)
  } finally {
    await server.stop()
  }
}

main(process.argv.slice(2)).catch(reportFailure)
