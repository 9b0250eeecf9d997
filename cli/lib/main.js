// The program: its commands, what they have in common, and how a run of one ends.
'use strict'

const { Command, CommanderError, InvalidArgumentError } = require('commander')
const { version } = require('../package.json')
const { addConnectionOptions, openConnection } = require('./connection.js')
const { CliError, EXIT, Redactor } = require('./errors.js')
const { startProgress } = require('./progress.js')
const { Screen, jsonOf, printable, printableLines, wrap } = require('./screen.js')

/**
 * @typedef {InstanceType<typeof import('./connection.js').Connection>} Connection
 * @typedef {InstanceType<typeof Screen>} ScreenOf
 * @typedef {Record<string, any>} Flags
 *
 * @typedef {object} Context what a command works with
 * @property {Flags} flags of the command line, by their names in camel case
 * @property {AbortSignal} signal aborted by Ctrl-C: finish what has begun, and say how to go on
 * @property {InstanceType<typeof Redactor>} redactor told of secrets that the connection's are not
 * @property {() => Promise<Connection>} connect closed when the command is over
 * @property {(unit: string, total: number) => import('./progress.js').Progress} progress
 *
 * @typedef {object} Outcome
 * @property {Record<string, any>} report what `--json` prints
 * @property {number} [exitCode] 0 unless it says otherwise
 *
 * @typedef {object} CommandModule a command, in a file of its own
 * @property {string} usage its name and arguments, as commander takes them
 * @property {string} summary
 * @property {string} help what its help says below the options, with its exit codes at the end
 * @property {(command: Command) => void} [define] adds its own options
 * @property {(context: Context, ...args: any[]) => Promise<Outcome>} run
 * @property {(report: any, screen: ScreenOf, flags: Flags) => string} render the report for people
 */

/** In the order of the help. @returns {CommandModule[]} */
function commandModules() {
  return [
    require('./commands/doctor.js'),
    require('./commands/stats.js'),
    require('./commands/get.js'),
    require('./commands/rm.js'),
    require('./commands/prune.js'),
    require('./commands/reencrypt.js'),
    require('./commands/reindex.js'),
    require('./commands/hash-ids.js'),
    require('./commands/migrate.js'),
    require('./commands/bench.js'),
  ]
}

const HELP_WIDTH = 80
const ABOUT = `"connect-mongo-native COMMAND --help" tells more of a command.

--config FILE: what FILE exports is what the app gives to MongoStore.create, such as module.exports = { mongoUrl, crypto, hashId }, or
a function that gives it. Encrypted sessions and hashed ids need it.

Others on this computer can see a password in --url, but none in MONGO_URL or in a config. It is never printed.`
const EXAMPLES = `Examples:
  MONGO_URL=mongodb://localhost/app npx connect-mongo-native doctor
  npx connect-mongo-native stats --config session-options.js
  npx connect-mongo-native get SESSION_ID --config session-options.js --json`

/** That there is a TTL index, though the stores of a command want none. */
const OF_NO_CONCERN = 'CONNECT_MONGO_TTL_INDEX'

/** @param {string} text with blank lines between paragraphs @returns {string} */
function wrapped(text) {
  const paragraphs = text.split('\n\n').map((paragraph) => wrap(paragraph, HELP_WIDTH).join('\n'))
  return paragraphs.join('\n\n')
}

/** @param {string} summary @returns {string} */
function sentence(summary) {
  return `${summary[0].toUpperCase()}${summary.slice(1)}.`
}

/** Some who send a signal send it twice, to the process and to its group. */
const SAME_SIGNAL_MS = 500
const EXIT_INTERRUPTED = 130

/** Ctrl-C once ends a command cleanly, twice at once. @returns {AbortSignal} */
function interruption() {
  const controller = new AbortController()
  let sinceMs = Number.POSITIVE_INFINITY
  const interrupt = () => {
    if (performance.now() - sinceMs > SAME_SIGNAL_MS) process.exit(EXIT_INTERRUPTED)
    if (!controller.signal.aborted) sinceMs = performance.now()
    controller.abort()
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  return controller.signal
}

/** So that warnings of the store and of the driver give nothing away either. @param {InstanceType<typeof Redactor>} redactor */
function printWarnings(redactor) {
  process.removeAllListeners('warning')
  process.on('warning', (/** @type {Error & { code?: string }} */ { message, code }) => {
    if (code !== OF_NO_CONCERN) process.stderr.write(`Warning: ${redactor.redact(message)}\n`)
  })
}

/** Whether or not the command line could be read. @param {string[]} args */
function wantsJson(args) {
  const end = args.indexOf('--')
  return args.slice(0, end === -1 ? undefined : end).includes('--json')
}

/** What has been written is on its way before the process ends, which an app's client could keep alive. @param {number} exitCode */
function exit(exitCode) {
  process.stdout.write('', () => process.exit(exitCode))
}

/** Whoever reads this has seen enough, as head does. @param {NodeJS.ErrnoException} error */
function endWithReader(error) {
  if (error.code !== 'EPIPE') throw error
  process.exit(EXIT.FINE)
}

/** Prints what a run ended with. */
class Ending {
  #isJson
  #redactor

  /** @param {boolean} isJson @param {InstanceType<typeof Redactor>} redactor */
  constructor(isJson, redactor) {
    this.#isJson = isJson
    this.#redactor = redactor
  }

  /** @param {Outcome} outcome @param {CommandModule} module @param {Flags} flags */
  succeed({ report, exitCode = EXIT.FINE }, module, flags) {
    const text = this.#isJson
      ? jsonOf(report)
      : module.render(printable(report), new Screen(process.stdout), flags)
    if (text !== '') process.stdout.write(`${text}\n`)
    return exitCode
  }

  /** @param {any} error */
  fail(error) {
    if (error instanceof CommanderError) return this.#failUsage(error)
    this.#print(this.#redactor.redact(String(error?.message ?? error)), error)
    return error?.exitCode ?? EXIT.FAILED
  }

  /** @param {CommanderError} error which commander has printed */
  #failUsage(error) {
    if (error.exitCode === 0) return EXIT.FINE
    if (this.#isJson) this.#print(this.#redactor.redact(error.message.replace(/^error: /, '')), error)
    return EXIT.USAGE
  }

  /** @param {string} message @param {any} error */
  #print(message, error) {
    if (!this.#isJson)
      return process.stderr.write(
        `${new Screen(process.stderr).style('red', 'Error:')} ${printableLines(message)}\n`
      )
    const { name, code } = error ?? {}
    process.stdout.write(`${jsonOf({ error: { name, code, message } })}\n`)
  }
}

/**
 * @param {CommandModule} module
 * @param {Flags} flags
 * @param {unknown[]} args
 * @param {InstanceType<typeof Redactor>} redactor
 * @returns {Promise<Outcome>}
 */
async function runModule(module, flags, args, redactor) {
  /** @type {Connection[]} */
  const connections = []
  /** @type {AbortSignal | undefined} */
  let signal
  const context = {
    flags,
    // Whoever does not ask for it is ended by Ctrl-C at once.
    get signal() {
      signal ??= interruption()
      return signal
    },
    redactor,
    progress: startProgress,
    async connect() {
      const connection = await openConnection(flags, redactor)
      connections.push(connection)
      return connection
    },
  }
  try {
    return await module.run(context, ...args)
  } finally {
    await Promise.all(connections.map((connection) => connection.close()))
  }
}

/**
 * Where a value is missing, as behind an empty variable of a shell, the next option would be taken for it, and not be followed.
 *
 * @param {Command} command
 * @param {import('commander').Option} option
 */
function refuseOptions(command, option) {
  const { parseArg: parse } = option
  option.argParser((value, previous) => {
    if (command.options.some(({ long, short }) => value === long || value === short))
      throw new InvalidArgumentError('It has no value: the next option stands in its place.')
    return parse ? parse(value, previous) : value
  })
}

/** @param {Command} program @param {CommandModule} module @param {(command: Command, args: unknown[]) => Promise<void>} act */
function addCommand(program, module, act) {
  const command = program.command(module.usage).summary(module.summary).description(sentence(module.summary))
  module.define?.(command)
  command.option('--json', 'print one JSON document, for programs').helpOption('--help', 'show this text')
  addConnectionOptions(command)
  for (const option of command.options) if (option.required) refuseOptions(command, option)
  command.addHelpText('after', `\n${wrapped(module.help)}`)
  command.action((...given) => act(command, given.slice(0, -2)))
}

/**
 * @param {Ending} ending
 * @param {InstanceType<typeof Redactor>} redactor
 * @param {(exitCode: number) => void} end
 */
function programOf(ending, redactor, end) {
  const program = new Command('connect-mongo-native')
    .description('Looks at the sessions that connect-mongo-native keeps in MongoDB, and looks after them.')
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show this text')
    .helpCommand(false)
    .exitOverride()
    // A password may be in an argument that is none.
    .configureOutput({ writeErr: (text) => process.stderr.write(printableLines(redactor.redact(text))) })
    .addHelpText('after', `\n${EXAMPLES}\n\n${wrapped(ABOUT)}`)
  for (const module of commandModules()) {
    addCommand(program, module, async (command, args) => {
      const flags = command.opts()
      const outcome = await runModule(module, flags, args, redactor)
      end(ending.succeed(outcome, module, flags))
    })
  }
  return program
}

/** @param {string[]} args */
async function main(args) {
  const redactor = new Redactor()
  const ending = new Ending(wantsJson(args), redactor)
  printWarnings(redactor)
  process.stdout.on('error', endWithReader)
  const fail = (/** @type {unknown} */ error) => exit(ending.fail(error))
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  // Nothing is left that could still happen.
  process.once('beforeExit', () =>
    fail(new CliError('It has not come to its end: what it waits for never comes'))
  )
  try {
    await programOf(ending, redactor, exit).parseAsync(args, { from: 'user' })
  } catch (error) {
    fail(error)
  }
}

module.exports = { main }
