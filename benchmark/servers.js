// The servers that the stores are measured on: a mongod, and a Redis where there is one.
'use strict'

const { execFile, spawn } = require('node:child_process')
const { once } = require('node:events')
const { promisify } = require('node:util')
const { freePort } = require('../scripts/free-port.js')
const { startMongod } = require('../scripts/mongod.js')
const { step } = require('../scripts/setup.js')

const run = promisify(execFile)

/** @typedef {{ mongoUrl: string, redisUrl?: string, redisVersion?: string, stop: () => Promise<void> }} Servers */

/** @returns {Promise<string | undefined>} the version of the installed Redis */
async function redisVersion() {
  try {
    const { stdout } = await run('redis-server', ['--version'])
    return /\bv=(\S+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** Without persistence, which is Redis at its fastest. @param {string[]} [more] arguments of the server */
async function startRedis(more = []) {
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...more]
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`redis-server ended with exit code ${code}`)))
    server.stdout.on('data', (text) => text.includes('Ready to accept connections') && resolve(undefined))
  })
  return {
    redisUrl: `redis://127.0.0.1:${port}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill()
      await once(server, 'exit')
    },
  }
}

async function startMongo() {
  if (process.env.MONGO_URL) return { mongoUrl: process.env.MONGO_URL, stop: async () => {} }
  const server = await step('Starting a mongod', startMongod)
  return {
    mongoUrl: server.getUri(),
    stop: async () => {
      await server.stop()
    },
  }
}

/**
 * @param {{ wantsRedis: boolean }} options
 * @returns {Promise<Servers>} without a Redis where none is installed
 */
async function startServers({ wantsRedis }) {
  const version = wantsRedis ? await redisVersion() : undefined
  const redis = version ? await step('Starting a Redis', () => startRedis()) : undefined
  try {
    const mongo = await startMongo()
    /** @type {Promise<unknown> | undefined} */
    let stopping
    return {
      mongoUrl: mongo.mongoUrl,
      redisUrl: redis?.redisUrl,
      redisVersion: version,
      stop: async () => {
        stopping ??= Promise.all([mongo.stop(), redis?.stop()])
        await stopping
      },
    }
  } catch (error) {
    await redis?.stop()
    throw error
  }
}

module.exports = { startRedis, startServers }
