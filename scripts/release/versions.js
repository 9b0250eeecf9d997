// The one version of everything that is released: where it stands, whether it is the same everywhere, and how another takes its place.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

/**
 * @typedef {Record<string, any>} Json
 * @typedef {{ file: string, place: string, version: string | undefined }} Place where a version stands
 * @typedef {{ places(text: string): Omit<Place, 'file'>[], replaced(text: string, version: string): string }} Format
 */

const NAME = 'connect-mongo-native'
const CRATES = ['Cargo.toml', 'Cargo.lock']
/** The examples, and the projects of test runners. */
const APP_FOLDERS = ['example', '__test__/runners']
const DEPENDENCIES = ['dependencies', 'optionalDependencies', 'devDependencies', 'peerDependencies']
/** What https://semver.org says, without build metadata, which npm takes for nothing. */
const NUMBER = '(?:0|[1-9]\\d*)'
const PART = `(?:${NUMBER}|\\d*[A-Za-z-][0-9A-Za-z-]*)`
const SEMVER = new RegExp(`^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${PART}(?:\\.${PART})*))?$`)
/** In Cargo.toml and Cargo.lock the version follows the name. */
const CRATE_VERSION = new RegExp(`^(name = "${NAME}"\\r?\\nversion = ")(.*)(")$`, 'm')

/** @param {string} version */
function parsed(version) {
  const match = SEMVER.exec(version)
  if (!match) return undefined
  const [major, minor, patch] = match.slice(1, 4).map(Number)
  return { major, minor, patch, prerelease: match[4]?.split('.') ?? [] }
}

/** @param {string} version */
function isPrerelease(version) {
  return version.includes('-')
}

/** @param {string} one @param {string} other parts of prereleases, numbers before words */
function comparePart(one, other) {
  const [isNumber, isOtherNumber] = [one, other].map((part) => /^\d+$/.test(part))
  if (isNumber && isOtherNumber) return Number(one) - Number(other)
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1
  return one < other ? -1 : Number(one > other)
}

/** @param {string[]} one @param {string[]} other */
function comparePrerelease(one, other) {
  if (one.length === 0 || other.length === 0) return other.length - one.length
  const differing = one.findIndex((part, index) => part !== other[index])
  if (differing < 0) return one.length - other.length
  return differing < other.length ? comparePart(one[differing], other[differing]) : 1
}

/** @param {string} one @param {string} other @returns {number} below 0 where the first comes before the second */
function compareVersions(one, other) {
  const [a, b] = [one, other].map((version) => {
    const parts = parsed(version)
    if (!parts) throw new Error(`${version} is no version`)
    return parts
  })
  return (
    a.major - b.major ||
    a.minor - b.minor ||
    a.patch - b.patch ||
    comparePrerelease(a.prerelease, b.prerelease)
  )
}

/**
 * The version that is asked for; a prerelease becomes the release that it comes before.
 *
 * @param {string} current
 * @param {string} asked a version, or `patch`, `minor`, `major`
 * @returns {string | undefined} none where it is no version
 */
function askedVersion(current, asked) {
  const from = parsed(current)
  if (!from) return undefined
  const { major, minor, patch, prerelease } = from
  const isBefore = prerelease.length > 0
  if (asked === 'patch') return `${major}.${minor}.${isBefore ? patch : patch + 1}`
  if (asked === 'minor') return `${major}.${isBefore && patch === 0 ? minor : minor + 1}.0`
  if (asked === 'major') return `${isBefore && minor === 0 && patch === 0 ? major : major + 1}.0.0`
  return parsed(asked) && asked
}

/** @param {string} name */
function isOurs(name) {
  return name === NAME || name.startsWith(`${NAME}-`)
}

/** @param {Json} manifest @returns {[Json, string, string][]} the object, the key, and what it is to be called */
function pinsOf(manifest) {
  return DEPENDENCIES.flatMap((kind) =>
    Object.keys(manifest[kind] ?? {})
      .filter(isOurs)
      .map((name) => /** @type {[Json, string, string]} */ ([manifest[kind], name, `${kind} ${name}`]))
  )
}

/** @param {Json} manifest @returns {[Json, string, string][]} */
function placesInManifest(manifest) {
  return [[manifest, 'version', 'version'], ...pinsOf(manifest)]
}

/** It asks for this version and what is compatible with it. @param {Json} manifest @returns {[Json, string, string][]} */
function placesInApp({ dependencies }) {
  return [[dependencies, NAME, `dependencies ${NAME}`]]
}

/** @param {Json} lock @returns {[Json, string, string][]} */
function placesInLock(lock) {
  const own = Object.entries(lock.packages).filter(
    ([folder, { name }]) => folder === '' || isOurs(name ?? '')
  )
  return [
    [lock, 'version', 'version'],
    ...own.flatMap(([folder, manifest]) =>
      placesInManifest(manifest).map(
        ([object, key, place]) =>
          /** @type {[Json, string, string]} */ ([object, key, `${folder || '.'} ${place}`])
      )
    ),
  ]
}

/**
 * npm writes these files so, and the formatter agrees.
 *
 * @param {(json: Json) => [Json, string, string][]} placesIn
 * @param {'' | '^'} [range] what stands before the version
 * @returns {Format}
 */
function jsonFormat(placesIn, range = '') {
  return {
    places: (text) =>
      placesIn(JSON.parse(text)).map(([object, key, place]) => ({
        place,
        version: object[key]?.slice(range.length),
      })),
    replaced(text, version) {
      const json = JSON.parse(text)
      for (const [object, key] of placesIn(json)) object[key] = `${range}${version}`
      return `${JSON.stringify(json, null, 2)}\n`
    },
  }
}

/** @type {Format} */
const CRATE = {
  places: (text) => [{ place: `version of ${NAME}`, version: CRATE_VERSION.exec(text)?.[2] }],
  replaced: (text, version) => text.replace(CRATE_VERSION, `$1${version}$3`),
}

/** @param {string} root @param {string} folder @returns {string[]} those of the packages that are in it */
function manifestsIn(root, folder) {
  const manifests = fs.readdirSync(path.join(root, folder)).map((name) => `${folder}/${name}/package.json`)
  return manifests.filter((file) => fs.existsSync(path.join(root, file)))
}

/** @param {string} root @returns {Map<string, Format>} by file */
function formatsIn(root) {
  const platforms = manifestsIn(root, 'npm')
  const apps = APP_FOLDERS.flatMap((folder) => manifestsIn(root, folder))
  const manifests = ['package.json', 'cli/package.json', ...platforms]
  return new Map([
    ...manifests.map((file) => /** @type {const} */ ([file, jsonFormat(placesInManifest)])),
    ['package-lock.json', jsonFormat(placesInLock)],
    ...apps.map((file) => /** @type {const} */ ([file, jsonFormat(placesInApp, '^')])),
    ...CRATES.map((file) => /** @type {const} */ ([file, CRATE])),
  ])
}

/** @param {string} root the project's folder @returns {Place[]} */
function placesOf(root) {
  return [...formatsIn(root)].flatMap(([file, format]) =>
    format.places(fs.readFileSync(path.join(root, file), 'utf8')).map((place) => ({ file, ...place }))
  )
}

/** @param {string} root @returns {string} the version of the package */
function versionOf(root) {
  return JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).version
}

/** @param {string} root @returns {string[]} a line for each place where another version stands than that of the package */
function disagreements(root) {
  const expected = versionOf(root)
  return placesOf(root)
    .filter(({ version }) => version !== expected)
    .map(({ file, place, version }) => `${file}: ${place} is ${version ?? 'missing'}, and not ${expected}`)
}

/** @param {string} root @param {string} version @returns {Map<string, string>} the new text of each file that names the version */
function filesWith(root, version) {
  return new Map(
    [...formatsIn(root)].map(([file, format]) => [
      file,
      format.replaced(fs.readFileSync(path.join(root, file), 'utf8'), version),
    ])
  )
}

module.exports = {
  askedVersion,
  compareVersions,
  disagreements,
  filesWith,
  isPrerelease,
  placesOf,
  versionOf,
}
