// What a report of node's test runner in the Test Anything Protocol says.
'use strict'

/** @typedef {{ name: string, error: string }} Failure */

/** @param {string} tap @param {string} name @returns {number} */
function countIn(tap, name) {
  return Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0)
}

/** Each failed test with what follows it up to its error; what only holds failed tests is none. @param {string} tap @returns {Failure[]} */
function failuresIn(tap) {
  return [...tap.matchAll(/^ *not ok \d+ - (.*)\n(?: +.*\n)*? +error: ([\s\S]*?)\n +code: /gm)]
    .map(([, name, error]) => ({ name, error: error.replace(/\s+/g, ' ').slice(0, 300) }))
    .filter(({ error }) => !/^'\d+ subtests? failed'/.test(error))
}

module.exports = { countIn, failuresIn }
