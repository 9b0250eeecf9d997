// The package.json of what is packed. What this repository alone has a use for stays behind, and what leads a reader to the project
// comes from one place, PROJECT: fill it in before anything is published.
'use strict'

/**
 * @typedef {Record<string, any>} Manifest
 * @typedef {{ repository: string, author: string }} Project
 */

/**
 * `repository` is the address of the project's page, such as `https://github.com/OWNER/connect-mongo-native`; `author` is whom npm
 * names, such as `Ada Lovelace <ada@example.com>`.
 *
 * @type {Project}
 */
const PROJECT = { repository: '', author: '' }

/** The fields of a manifest that are of use to those who install the package. */
const PACKED = [
  ...['name', 'version', 'description', 'keywords', 'license', 'type', 'sideEffects'],
  ...['engines', 'os', 'cpu', 'libc'],
  ...['main', 'module', 'types', 'exports', 'bin', 'files'],
  ...['dependencies', 'optionalDependencies', 'peerDependencies', 'peerDependenciesMeta'],
]

/** @param {unknown} repository */
function isPage(repository) {
  return typeof repository === 'string' && /^https:\/\/[^/\s]+\/[^/\s]+\/[^\s]*[^/\s]$/.test(repository)
}

/** @param {Project} project @returns {string[]} what is to be filled in */
function missingOf({ repository, author }) {
  const missing = []
  if (!isPage(repository)) missing.push('repository')
  if (typeof author !== 'string' || author.trim() === '') missing.push('author')
  return missing
}

/** @param {Project} project @returns {Manifest} */
function linksOf({ repository, author }) {
  const page = repository.replace(/\.git$/, '')
  return {
    author,
    repository: { type: 'git', url: `git+${page}.git` },
    homepage: `${page}#readme`,
    bugs: { url: `${page}/issues` },
  }
}

/** @param {Manifest} manifest */
function packed(manifest) {
  return Object.fromEntries(PACKED.filter((name) => name in manifest).map((name) => [name, manifest[name]]))
}

/** To be installed from its file: npm refuses to publish it. @param {Manifest} manifest @returns {Manifest} */
function localManifest(manifest) {
  return { ...packed(manifest), private: true }
}

/**
 * To be published.
 *
 * @param {Manifest} manifest
 * @param {Project} [project]
 * @returns {Manifest}
 * @throws {Error} without a place where readers find the project
 */
function publicManifest(manifest, project = PROJECT) {
  const missing = missingOf(project)
  if (missing.length > 0) {
    const names = missing.join(' and ')
    throw new Error(
      `Nothing can be published yet: fill in ${names} of PROJECT in scripts/release/manifests.js`
    )
  }
  return { ...packed(manifest), ...linksOf(project) }
}

module.exports = { PROJECT, localManifest, publicManifest }
