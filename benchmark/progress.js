// One line that says what is being measured; without a terminal, one line for each change of `stage`.
'use strict'

class Progress {
  #total
  #done = 0
  #stage = ''
  #isTerminal = Boolean(process.stderr.isTTY) && !process.env.CI

  /** @param {number} total how many measurements there will be */
  constructor(total) {
    this.#total = total
  }

  /** @param {string} stage @param {string} [detail] */
  show(stage, detail = '') {
    const line = `${this.#done}/${this.#total}  ${stage}  ${detail}`.trimEnd()
    if (this.#isTerminal) process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`)
    else if (stage !== this.#stage) process.stderr.write(`${this.#done}/${this.#total}  ${stage}\n`)
    this.#stage = stage
  }

  advance() {
    this.#done++
  }

  end() {
    if (this.#isTerminal) process.stderr.write('\r\x1b[K')
  }
}

module.exports = { Progress }
