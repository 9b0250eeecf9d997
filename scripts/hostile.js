// `npm run test:hostile`: hostile session ids, sessions and documents by the million, in a process that they may crash.
'use strict'

const { writeFile } = require('node:fs/promises')
const { parseArgs } = require('node:util')
const { startMongod } = require('./mongod.js')
const { StepError, reportFailure, setUp, step } = require('./setup.js')

const HELP = `npm run test:hostile -- [OPTION …]

Writes, reads, touches and removes sessions that nobody should make, on both backends, as JSON and as BSON, plain and encrypted.
Each has to come back as JSON or BSON has it, or to fail with an error; the quick part of this is __test__/hostile/input.test.js.
MONGO_URL=mongodb://… uses that server instead of a new one.

  --cases N        how many (100,000)
  --seed N         to repeat a run; printed at its start
  --first N        the first batch of 64 cases, to repeat a part of a run
  --json FILE      also writes the result
  --help
`

const SHOWN_FAILURES = 10
const SHOWN_PERCENT = 5

/** @param {string} option @param {string | undefined} text @param {number} otherwise @param {number} [least] */
function integer(option, text, otherwise, least = 0) {
  const number = Number(text ?? otherwise)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new StepError(`--${option} needs a whole number from ${least} on, not ${text}`)
}

/** @param {string[]} args */
function optionsOf(args) {
  const text = /** @type {const} */ ({ type: 'string' })
  const flag = /** @type {const} */ ({ type: 'boolean' })
  try {
    return parseArgs({ args, options: { cases: text, seed: text, first: text, json: text, help: flag } })
      .values
  } catch (error) {
    throw new StepError(`${/** @type {Error} */ (error).message}\n\n${HELP}`)
  }
}

/** @param {number} cases @returns {(done: number) => void} shows how far it is, now and then */
function progressOf(cases) {
  const started = Date.now()
  let shown = 0
  return (done) => {
    const percent = Math.floor((done / cases) * 100)
    if (percent < shown + SHOWN_PERCENT) return
    shown = percent
    console.error(`${percent} %, ${Math.round(done / ((Date.now() - started) / 1000))} cases a second`)
  }
}

/** @param {import('../__test__/support/hostile-process.js').Run} run */
async function runOn(run) {
  const { runHostile } = require('../__test__/support/hostile-process.js')
  const { withClient } = require('../benchmark/database.js')
  const started = Date.now()
  const result = await runHostile({ ...run, onProgress: progressOf(run.cases) })
  await withClient(run.url, (client) => client.db(run.database).dropDatabase())
  return { ...result, seed: run.seed, seconds: (Date.now() - started) / 1000 }
}

/** @param {Awaited<ReturnType<typeof runOn>>} result */
function report({ cases, failures, crash, seed, seconds }) {
  for (const { batch, kind, name, message } of failures.slice(0, SHOWN_FAILURES)) {
    console.error(`\n${kind}, ${name}: --seed ${seed} --first ${batch} --cases 64\n${message}`)
  }
  if (crash) console.error(`\n${crash}`)
  const outcome = crash ? 'a crash' : 'no crash'
  console.log(
    `${cases} cases, ${failures.length} failures, ${outcome}, seed ${seed}, ${Math.round(seconds)} s`
  )
  if (crash || failures.length > 0) process.exitCode = 1
}

/** @param {string[]} args */
async function main(args) {
  const given = optionsOf(args)
  if (given.help) return console.log(HELP)
  const cases = integer('cases', given.cases, 100_000, 1)
  const seed = integer('seed', given.seed, Math.floor(Math.random() * 2 ** 31))
  const first = integer('first', given.first, 0)
  await setUp()
  const server = process.env.MONGO_URL ? undefined : await step('Starting a mongod', startMongod)
  try {
    console.log(`Seed ${seed}`)
    const url = process.env.MONGO_URL ?? String(server?.getUri())
    const result = await runOn({ url, database: `hostile_${process.pid}`, seed, cases, first })
    report(result)
    if (given.json) await writeFile(given.json, `${JSON.stringify(result, null, 2)}\n`)
  } finally {
    await server?.stop()
  }
}

main(process.argv.slice(2)).catch(reportFailure)
