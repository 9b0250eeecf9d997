// What a report in JUnit's format says, as Bun and Deno write it.
'use strict'

/** @typedef {{ name: string, outcome: 'passed' | 'failed' | 'skipped' }} Test */

/** @type {Record<string, string>} */
const ENTITIES = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&apos;': "'", '&amp;': '&' }

/** @param {string} text */
function decode(text) {
  return text.replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity])
}

/** @param {string} content of a test's element @returns {Test['outcome']} */
function outcomeOf(content) {
  if (/<(failure|error)\b/.test(content)) return 'failed'
  return content.includes('<skipped') ? 'skipped' : 'passed'
}

/** Deno has the suites among the tests, with names that those of their tests begin with. @param {Test[]} tests @returns {Test[]} */
function withoutSuites(tests) {
  const names = tests.map(({ name }) => name)
  return tests.filter(({ name }) => !names.some((other) => other.startsWith(`${name} > `)))
}

/** @param {string} xml @returns {Test[]} */
function readReport(xml) {
  const elements = xml.matchAll(/<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)
  const tests = Array.from(elements, ([, name, content = '']) => ({
    name: decode(name),
    outcome: outcomeOf(content),
  }))
  return withoutSuites(tests)
}

module.exports = { readReport }
