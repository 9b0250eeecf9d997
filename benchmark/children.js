// A process of its own for what is measured, so that no store meets another's heap, pool or compiled code.
'use strict'

const { fork } = require('node:child_process')
const { once } = require('node:events')
const path = require('node:path')
const { StepError } = require('../scripts/setup.js')

class Child {
  #process
  #name
  #exited

  /** @param {string} name of a file in child/ @param {string[]} nodeArgs */
  constructor(name, nodeArgs) {
    this.#name = name
    this.#process = fork(path.join(__dirname, 'child', `${name}.js`), {
      execArgv: nodeArgs,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#exited = once(this.#process, 'exit')
  }

  /** @param {string} ask the handler that is to answer @param {unknown} [request] @returns {Promise<any>} */
  async ask(ask, request) {
    const answered = once(this.#process, 'message')
    this.#process.send({ ask, request })
    const failed = this.#exited.then(([code, signal]) => {
      throw new StepError(`benchmark/child/${this.#name}.js ended with ${signal ?? `exit code ${code}`}`)
    })
    const [{ answer }] = await Promise.race([answered, failed])
    return answer
  }

  async end() {
    if (this.#process.connected) this.#process.disconnect()
    await this.#exited
  }
}

/**
 * @template T
 * @param {string} name of a file in child/
 * @param {(child: Child) => Promise<T>} work
 * @param {string[]} [nodeArgs]
 */
async function withChild(name, work, nodeArgs = []) {
  const child = new Child(name, nodeArgs)
  try {
    return await work(child)
  } finally {
    await child.end()
  }
}

module.exports = { withChild }
