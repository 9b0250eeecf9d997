// One of the processes that use a collection together: a load on a store of its own, which does what the parent asks for.
'use strict'

const { Load } = require('./load.js')
const { openStore } = require('./stores.js')

/** @typedef {import('./processes.js').Job} Job */

/** @param {Job} job */
async function loadOf({
  subject,
  mongoUrl,
  options,
  beginnerOptions,
  seed,
  crowd,
  index,
  processes,
  originNs,
}) {
  const store = await openStore(subject, mongoUrl, options)
  const beginner = beginnerOptions ? await openStore(subject, mongoUrl, beginnerOptions) : store
  const now = () => Number(process.hrtime.bigint() - BigInt(originNs)) / 1e6
  const beginners = index === 0 ? [beginner] : []
  return new Load([store], seed, true, crowd, { index, processes, beginners, now })
}

/** What JSON keeps of it. @param {import('./load.js').Call} call */
function record({ error, ...call }) {
  if (!error) return call
  const { name, message, code } = /** @type {Error & { code?: unknown }} */ (error)
  return { ...call, error: { name, message, code } }
}

async function main() {
  const load = await loadOf(JSON.parse(process.argv[2]))
  const answers = {
    start: () => load.start(),
    hasWrittenSince: (/** @type {number} */ time) => load.hasWrittenSince(time),
    async stop() {
      await load.stop()
      return { calls: load.calls.map(record), strays: load.strays.map(String) }
    },
  }
  process.on('message', async (/** @type {{ ask: keyof typeof answers, time: number }} */ { ask, time }) => {
    process.send?.({ answer: await answers[ask](time) })
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ answer: 'ready' })
}

main()
