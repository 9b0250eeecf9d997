// `npm run build`: the native addon of this platform, in native/, with the napi-rs CLI. What else is given goes to `napi build`, such
// as `--target aarch64-apple-darwin`.
//
// With this machine's own C library an addon would run on no older system, so that on Linux the linker is that of a toolchain with
// glibc 2.17 (2012), which is older than what Node itself asks for.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { remapFlags } = require('./debian-rust.js')
const { ROOT, StepError, checkCargo, reportFailure, run, step } = require('./setup.js')
const { npmTarball, output } = require('./tools.js')

const NAPI = path.join(ROOT, 'node_modules', '@napi-rs', 'cli', 'cli.mjs')

/** The toolchain of napi-rs for x86-64, made with crosstool-ng: GCC and the headers and stubs of glibc 2.17. */
const TOOLCHAIN = {
  name: '@napi-rs/cross-toolchain-x64-target-x86_64',
  version: '1.0.0',
  integrity:
    'sha512-lecoghCfoTAX9MLFcIx9/nL9M8xdkZ9n8Pki8qjKUNzjiq1zbECdEbzIZAMMHRtrXxifK9dAyYuh8gSxNbr2og==',
}
const TRIPLE = 'x86_64-unknown-linux-gnu'

/** @param {string} tarball @param {string} folder */
async function unpackToolchain(tarball, folder) {
  await run('tar', ['--extract', '--file', tarball, '--directory', folder])
  const archive = path.join(folder, 'package', `${TRIPLE}.tar.xz`)
  await run('tar', ['--extract', '--file', archive, '--directory', folder])
  fs.rmSync(archive)
}

/** @param {string} folder of the toolchain @returns {NodeJS.ProcessEnv} */
function environmentOf(folder) {
  const tool = (/** @type {string} */ name) => path.join(folder, 'bin', `${TRIPLE}-${name}`)
  return {
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER: tool('gcc'),
    CC_x86_64_unknown_linux_gnu: tool('gcc'),
    CXX_x86_64_unknown_linux_gnu: tool('g++'),
    AR_x86_64_unknown_linux_gnu: tool('ar'),
  }
}

/** @param {string[]} args @returns {string} the triple that is built for */
function tripleOf(args) {
  const given = args.findIndex((arg) => arg === '--target' || arg === '-t')
  if (given >= 0) return args[given + 1] ?? ''
  const [, host = ''] = /^host: (.*)$/m.exec(output('rustc', ['-vV'])) ?? []
  return host
}

/** @param {string} triple @returns {Promise<{ args: string[], env: NodeJS.ProcessEnv }>} how its floor of glibc is kept */
async function floorOf(triple) {
  if (process.platform !== 'linux' || !triple.endsWith('-linux-gnu')) return { args: [], env: {} }
  if (process.arch !== 'x64' || triple !== TRIPLE) return { args: ['--use-napi-cross'], env: {} }
  const folder = await step('Finding a toolchain with glibc 2.17', (say) =>
    npmTarball(TOOLCHAIN.name, TOOLCHAIN, say, unpackToolchain)
  )
  return { args: [], env: environmentOf(folder) }
}

/** @param {string[]} args */
async function main(args) {
  checkCargo()
  if (!fs.existsSync(NAPI)) throw new StepError('The napi-rs CLI is not installed: npm ci')
  const triple = tripleOf(args)
  const floor = await floorOf(triple)
  const rustFlags = `CARGO_TARGET_${triple.toUpperCase().replaceAll('-', '_')}_RUSTFLAGS`
  const fixed = ['--platform', '--release', '--output-dir', 'native', '--no-js', '--dts', 'binding.d.ts']
  const env = {
    ...floor.env,
    [rustFlags]: [process.env[rustFlags], ...remapFlags()].filter(Boolean).join(' '),
  }
  await step(`Compiling for ${triple}`, () =>
    run(process.execPath, [NAPI, 'build', ...fixed, ...floor.args, ...args, '--', '--locked'], env)
  )
}

main(process.argv.slice(2)).catch(reportFailure)
