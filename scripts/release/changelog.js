// CHANGELOG.md as https://keepachangelog.com has it: a section for each version, and one on top for what is in none yet.
'use strict'

const UNRELEASED = 'Unreleased'
const HEADING = /^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$/

/**
 * @typedef {object} Section
 * @property {string} name a version, or `Unreleased`
 * @property {string | undefined} date
 * @property {string} text without its heading
 */

/** @param {string} changelog @returns {Section[]} */
function sectionsOf(changelog) {
  const parts = changelog.replaceAll('\r\n', '\n').split(/^(?=## )/m)
  return parts.flatMap((part) => {
    const [heading, ...lines] = part.split('\n')
    const [, name, date] = HEADING.exec(heading) ?? []
    return name ? [{ name, date, text: lines.join('\n').trim() }] : []
  })
}

/** @param {string} changelog @param {string} name @returns {Section | undefined} */
function sectionOf(changelog, name) {
  return sectionsOf(changelog).find((section) => section.name === name)
}

/**
 * What was unreleased, under a version's heading.
 *
 * @param {string} changelog
 * @param {string} version
 * @param {string} date
 */
function releasedAs(changelog, version, date) {
  return changelog.replace(/^## \[Unreleased\]$/m, `## [${UNRELEASED}]\n\n## [${version}] - ${date}`)
}

/** An entry of a list on one line: GitHub shows every line break of a release's notes. @param {string} text */
function unwrapped(text) {
  return text.replace(/\n {2,}(?=[^\s*-])/g, ' ')
}

module.exports = { UNRELEASED, releasedAs, sectionOf, unwrapped }
