// Preloaded into a process: what is not installed is missed in the words of Yarn's Plug'n'Play, as
// https://github.com/yarnpkg/berry/blob/master/packages/yarnpkg-pnp/sources/loader/makeApi.ts has them.
'use strict'

const { existsSync, readFileSync } = require('node:fs')
const Module = require('node:module')
const path = require('node:path')

const OURS = 'connect-mongo-native'

/** @param {string} pnpCode @param {string} message */
function pnpError(pnpCode, message) {
  return Object.defineProperties(new Error(message), {
    code: { value: 'MODULE_NOT_FOUND', configurable: true, writable: true },
    pnpCode: { value: pnpCode, configurable: true, writable: true },
    data: { value: {}, configurable: true, writable: true },
  })
}

/** @param {string} file @returns {Record<string, Record<string, string>> | undefined} the package.json of ours, when the file is of ours */
function ownManifest(file) {
  const [folder] = /** @type {RegExpExecArray} */ (
    /^.*[\\/]node_modules[\\/]connect-mongo-native(?=[\\/])|/.exec(file)
  )
  return folder ? JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) : undefined
}

/** @param {string} request @param {string} file that it is from */
function missing(request, file) {
  if (/^[./]/.test(request)) {
    const source = path.resolve(path.dirname(file), request)
    const found = ['', '.js', '.json', '.node'].map((end) => `Not found: ${source}${end}\n`).join('')
    return pnpError(
      'QUALIFIED_PATH_RESOLUTION_FAILED',
      `Qualified path resolution failed: we looked for the following paths, but none could be accessed.\n\nSource path: ${source}\n${found}`
    )
  }
  const name = request.split('/', request.startsWith('@') ? 2 : 1).join('/')
  const manifest = ownManifest(file)
  const [who, where] = manifest
    ? [OURS, `${OURS}@virtual:1#npm:0.1.0 (via /app/.yarn/cache/x.zip)`]
    : ['Your application', '/app/']
  const tail = `; this makes the require call ambiguous and unsound.\n\nRequired package: ${name}\nRequired by: ${where}\n`
  if (manifest?.optionalDependencies?.[name]) {
    return pnpError(
      'QUALIFIED_PATH_RESOLUTION_FAILED',
      `Required unplugged package missing from disk. This may happen when switching branches without running installs (unplugged packages must be fully materialized on disk to work).\n\nMissing package: ${name}@npm:0.1.0\nExpected package location: /app/.yarn/unplugged/${name}-npm-0.1.0-b5ddb655cb/node_modules/${name}/\n`
    )
  }
  if (manifest?.peerDependencies?.[name]) {
    return pnpError(
      'MISSING_PEER_DEPENDENCY',
      `${who} tried to access ${name} (a peer dependency) but it isn't provided by your application${tail}Ancestor breaking the chain: app@workspace:.\n\n`
    )
  }
  return pnpError(
    'UNDECLARED_DEPENDENCY',
    `${who} tried to access ${name}, but it isn't declared in ${manifest ? 'its' : 'your'} dependencies${tail}`
  )
}

/** @type {any} */
const loader = Module
const resolveFilename = loader._resolveFilename
loader._resolveFilename = (
  /** @type {string} */ request,
  /** @type {any} */ parent,
  /** @type {unknown[]} */ ...rest
) => {
  try {
    return resolveFilename(request, parent, ...rest)
  } catch (error) {
    const { code, path: incomplete } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code !== 'MODULE_NOT_FOUND' || (incomplete && existsSync(incomplete))) throw error
    throw missing(request, parent?.filename ?? '')
  }
}
Object.assign(process.versions, { pnp: '3' })
