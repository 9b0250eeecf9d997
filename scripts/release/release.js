// `npm run release -- VERSION`: all of a release that is done by hand. What is pushed then, .github/workflows/release.yml publishes.
'use strict'

const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { UNRELEASED, releasedAs, sectionOf, unwrapped } = require('./changelog.js')
const { parseCommandLine } = require('../command-line.js')
const { publicManifest } = require('./manifests.js')
const { ROOT, StepError, reportFailure, run, step } = require('../setup.js')
const {
  askedVersion,
  compareVersions,
  disagreements,
  filesWith,
  isPrerelease,
  placesOf,
  versionOf,
} = require('./versions.js')

const USAGE = `Usage: npm run release -- VERSION [--dry-run]
       npm run release -- --check [TAG]
       npm run release -- --notes

VERSION is one such as 1.2.3 or 1.2.3-rc.1, or the next "patch", "minor" or "major". Sets it everywhere, moves what is unreleased in
CHANGELOG.md under it, runs npm run check, commits, tags, and says how to push that. Prereleases leave the changelog as it is.
Nothing is changed when anything fails.

  --dry-run  only say what would be done
  --check    only see whether all files have one version; with a tag, whether that version can be released as it
  --notes    print what the changelog says of the version
  --help     show this text`

const BRANCH = 'main'
const REMOTE = 'origin'
const CHANGELOG = 'CHANGELOG.md'
const SIGNALS = /** @type {const} */ (['SIGHUP', 'SIGINT', 'SIGTERM'])

/** @param {string[]} args @returns {string} what it prints */
function git(...args) {
  try {
    return execFileSync('git', args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  } catch (error) {
    const { stderr, message } = /** @type {Error & { stderr?: string }} */ (error)
    throw new StepError(`git ${args.join(' ')} failed\n${stderr?.trim() || message}`)
  }
}

/** @param {string} file */
function read(file) {
  return fs.readFileSync(path.join(ROOT, file), 'utf8')
}

/** @param {Map<string, string>} files text by name */
function write(files) {
  for (const [file, text] of files) fs.writeFileSync(path.join(ROOT, file), text)
}

/** @param {string} version */
function tagOf(version) {
  return `v${version}`
}

/** @param {string} version */
function pushCommand(version) {
  return `git push --atomic ${REMOTE} ${BRANCH} ${tagOf(version)}`
}

/** @param {string} version @returns {import('./changelog.js').Section | undefined} */
function notesOf(version) {
  return sectionOf(read(CHANGELOG), isPrerelease(version) ? UNRELEASED : version)
}

// ---- What keeps a version from being released

/** @returns {string[]} */
function reasonsInRepository() {
  const reasons = []
  if (git('status', '--porcelain')) reasons.push('There are changes that are not committed')
  const branch = git('branch', '--show-current')
  if (branch !== BRANCH) reasons.push(`Releases are made on ${BRANCH}, and this is ${branch || 'no branch'}`)
  if (git('remote').split('\n').includes(REMOTE)) {
    git('fetch', '--quiet', '--tags', REMOTE, BRANCH)
    const missing = git('rev-list', '--count', 'HEAD..FETCH_HEAD')
    if (missing !== '0')
      reasons.push(`${REMOTE} has ${missing} commits on ${BRANCH} that are not here: git pull`)
  }
  return reasons
}

/** @param {string} version @returns {string[]} */
function reasonsOfVersion(version) {
  const current = versionOf(ROOT)
  const reasons = []
  if (git('tag', '--list', tagOf(version))) {
    reasons.push(`The tag ${tagOf(version)} is there already. If it is not pushed: ${pushCommand(version)}`)
  }
  // The first one stands there before it has been released.
  if (compareVersions(version, current) < 0)
    reasons.push(`${version} comes before ${current}, which is today's`)
  return reasons
}

/** @param {string} version @returns {string[]} */
function reasonsInChangelog(version) {
  const changelog = read(CHANGELOG)
  if (sectionOf(changelog, version)) return [`${CHANGELOG} has ${version} already`]
  return sectionOf(changelog, UNRELEASED)?.text ? [] : [`${CHANGELOG} has nothing under [${UNRELEASED}]`]
}

/** @returns {string[]} */
function reasonsInManifests() {
  try {
    publicManifest({})
    return []
  } catch (error) {
    return [/** @type {Error} */ (error).message]
  }
}

/** @param {string[]} reasons */
function refuseFor(reasons) {
  if (reasons.length > 0) throw new StepError(reasons.join('\n'))
}

// ---- What is done

/** @param {string} version @returns {Map<string, string>} the new text of each file that changes */
function changesFor(version) {
  const files = filesWith(ROOT, version)
  if (!isPrerelease(version)) {
    const today = new Date().toISOString().slice(0, 10)
    files.set(CHANGELOG, releasedAs(read(CHANGELOG), version, today))
  }
  return new Map([...files].filter(([file, text]) => text !== read(file)))
}

/**
 * Changes files, checks, commits and tags, or leaves everything as it was.
 *
 * @param {string} version
 * @param {Map<string, string>} changes
 */
async function release(version, changes) {
  const names = [...changes.keys()]
  const before = new Map(names.map((file) => [file, read(file)]))
  /** @type {(() => void)[]} */
  const undo = [() => write(before)]
  const takeBack = () => {
    for (const one of undo.splice(0).reverse()) one()
  }
  const interrupted = () => {
    takeBack()
    process.exit(130)
  }
  for (const signal of SIGNALS) process.on(signal, interrupted)
  try {
    write(changes)
    await step('Checks', () => run(process.execPath, ['scripts/check.js']))
    if (names.length > 0) {
      undo.push(() => git('reset', '--quiet', '--', ...names))
      git('add', '--', ...names)
    }
    // What the hook looks at has been checked.
    git('commit', '--quiet', '--no-verify', '--allow-empty', '--message', `Release ${version}`)
    undo.push(() => git('reset', '--quiet', '--soft', 'HEAD~1'))
    git('tag', '--annotate', tagOf(version), '--message', `connect-mongo-native ${version}`)
  } catch (error) {
    takeBack()
    throw error
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted)
  }
}

/** @param {string} asked @param {boolean} isDryRun */
async function make(asked, isDryRun) {
  const version = askedVersion(versionOf(ROOT), asked)
  if (!version) throw new StepError(`${asked} is no version, nor patch, minor or major`)
  refuseFor([
    ...reasonsInRepository(),
    ...disagreements(ROOT),
    ...reasonsOfVersion(version),
    ...reasonsInChangelog(version),
    ...reasonsInManifests(),
  ])
  const changes = changesFor(version)
  if (isDryRun)
    return console.log(
      `${version} would change:\n${[...changes.keys()].map((file) => `  ${file}`).join('\n')}`
    )
  await release(version, changes)
  console.log(`${version} is committed and tagged, here alone as yet.

  ${pushCommand(version)}
      has it built, tested and published

  git tag --delete ${tagOf(version)} && git reset --keep HEAD~1
      takes it back, as long as it is not pushed`)
}

/** @param {string} [tag] */
function check(tag) {
  const version = versionOf(ROOT)
  const reasons = disagreements(ROOT)
  if (tag !== undefined) {
    if (tag !== tagOf(version)) reasons.push(`The tag is ${tag}, and the version ${version}`)
    if (!notesOf(version)?.text) reasons.push(`${CHANGELOG} has nothing about ${version}`)
    reasons.push(...reasonsInManifests())
  }
  refuseFor(reasons)
  console.log(`${version} in ${placesOf(ROOT).length} places`)
}

function printNotes() {
  const version = versionOf(ROOT)
  const notes = notesOf(version)
  if (!notes?.text) throw new StepError(`${CHANGELOG} has nothing about ${version}`)
  console.log(unwrapped(notes.text))
}

/** @param {string[]} args */
function readOptions(args) {
  const options = /** @type {const} */ ({
    'dry-run': { type: 'boolean', default: false },
    check: { type: 'boolean' },
    notes: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  })
  const { values, positionals } = parseCommandLine(args, options, USAGE, { most: 1 })
  return { ...values, given: positionals[0] }
}

/** @param {string[]} args */
async function main(args) {
  const { 'dry-run': isDryRun, check: isCheck, notes, help, given } = readOptions(args)
  if (help) return console.log(USAGE)
  if (isCheck) return check(given)
  if (notes) return printNotes()
  if (given === undefined) throw new StepError(USAGE)
  await make(given, isDryRun)
}

main(process.argv.slice(2)).catch(reportFailure)
