// Real servers of other stores: Redis, PostgreSQL and MariaDB as Debian has them, each a child process on a port of its own, in a
// temporary folder. They end with the tests of the file.
'use strict'

const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const { readdirSync } = require('node:fs')
const { chown, mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after } = require('node:test')
const { promisify } = require('node:util')
const { startRedis: spawnRedis } = require('../../benchmark/servers.js')
const { freePort, startOnFreePort } = require('../../scripts/free-port.js')
const { isExecutable } = require('./programs.js')

const run = promisify(execFile)

/** @typedef {{ url: string, stop(): Promise<void> }} Server */

/** What starts servers is not on everybody's PATH. */
const FOLDERS = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', ...postgresFolders()]

const PACKAGES = /** @type {const} */ ({
  'redis-server': 'redis-server',
  postgres: 'postgresql',
  initdb: 'postgresql',
  mariadbd: 'mariadb-server-core',
})

/** @typedef {keyof typeof PACKAGES} Program */

/** @returns {string[]} where Debian has the programs of each version, the newest first */
function postgresFolders() {
  const root = '/usr/lib/postgresql'
  try {
    const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a))
    return versions.map((version) => path.join(root, version, 'bin'))
  } catch {
    return []
  }
}

/** @param {Program} name */
function find(name) {
  return FOLDERS.map((folder) => path.join(folder, name)).find(isExecutable)
}

/** @param {Program} name @returns {string} */
function programOf(name) {
  const file = find(name)
  if (file) return file
  throw new Error(`${name} is not installed: apt-get install ${PACKAGES[name]}`)
}

/**
 * For the option `skip`: why a test cannot be run on this machine. In CI it is run, and fails.
 *
 * @param {Program} name
 * @returns {string | false}
 */
function unlessInstalled(name) {
  return find(name) || process.env.CI ? false : `no ${name}: apt-get install ${PACKAGES[name]}`
}

/** @type {Server[]} */
const servers = []
after(() => Promise.all(servers.map((server) => server.stop())))

/**
 * @param {string} file
 * @param {string[]} args
 * @param {RegExp} ready what it says once it takes connections
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<(signal?: NodeJS.Signals) => Promise<void>>} ends it
 */
async function startProgram(file, args, ready, options) {
  const server = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const { stderr } = server
  if (!stderr) throw new Error(`${file} has no stderr`)
  let output = ''
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`${file} has ended:\n${output}`)))
    stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output += text
      if (ready.test(output)) resolve(undefined)
    })
  })
  return async (signal = 'SIGTERM') => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill(signal)
    await once(server, 'exit')
  }
}

/** @param {string} name @param {(folder: string) => Promise<{ url: string, end: () => Promise<void> }>} start */
async function startInFolder(name, start) {
  const folder = await mkdtemp(path.join(tmpdir(), `connect-mongo-native-${name}-`))
  const { url, end } = await startOnFreePort(() => start(folder))
  const server = {
    url,
    async stop() {
      await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
  servers.push(server)
  return server
}

/** @param {string[]} [args] of the server @returns {Promise<Server>} */
async function startRedis(args) {
  programOf('redis-server')
  const { redisUrl, stop } = await spawnRedis(args)
  const server = { url: redisUrl, stop }
  servers.push(server)
  return server
}

/** PostgreSQL refuses to run as root. @returns {Promise<{ uid?: number, gid?: number }>} */
async function unprivileged() {
  if (process.getuid?.() !== 0) return {}
  const idOf = async (/** @type {string} */ kind) =>
    Number((await run('id', [kind, 'postgres']).catch(() => run('id', [kind, 'nobody']))).stdout)
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}

/** @returns {Promise<Server>} with a database `postgres`, whose user of that name needs no password */
function startPostgres() {
  return startInFolder('postgres', async (folder) => {
    const user = await unprivileged()
    const { uid, gid } = user
    if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid)
    const port = await freePort()
    const data = path.join(folder, String(port))
    const initial = [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale',
      'C.UTF-8',
      '--no-sync',
    ]
    await run(programOf('initdb'), initial, { ...user, cwd: folder })
    const args = [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      folder,
      '-h',
      '127.0.0.1',
      '-F',
      '-c',
      'timezone=Asia/Kolkata',
    ]
    const stop = await startProgram(programOf('postgres'), args, /ready to accept connections/, {
      ...user,
      cwd: folder,
    })
    // Without waiting for those who are connected.
    return { url: `postgres://postgres:secret@127.0.0.1:${port}/postgres`, end: () => stop('SIGINT') }
  })
}

/** Without tables of users, which take most of the time to make. @returns {Promise<Server>} with a database `app`, for whoever comes */
async function startMariaDb() {
  const { createConnection } = require('mysql2/promise')
  const server = await startInFolder('mariadb', async (folder) => {
    const port = await freePort()
    const args = [
      ...['--no-defaults', '--skip-grant-tables', '--skip-log-bin', '--bind-address=127.0.0.1'],
      // The least that a server is set up with.
      '--max-allowed-packet=1M',
      ...['--innodb-flush-log-at-trx-commit=0', `--datadir=${folder}`, `--port=${port}`],
      `--socket=${path.join(folder, 'socket')}`,
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ]
    const end = await startProgram(programOf('mariadbd'), args, /ready for connections/)
    return { url: `mysql://app:secret@127.0.0.1:${port}/app`, end }
  })
  const connection = await createConnection({ uri: server.url.replace(/app$/, '') })
  await connection.query('CREATE DATABASE app CHARACTER SET utf8mb4')
  await connection.end()
  return server
}

module.exports = { startMariaDb, startPostgres, startRedis, unlessInstalled }
