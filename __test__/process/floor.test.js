// The oldest system that the addon of `npm run build` runs on.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { describe, test } = require('node:test')
const { faultsOf, isTooNew } = require('../../scripts/platforms/binaries.js')

const NATIVE = path.join(__dirname, '..', '..', 'native')
const { binding } = require('../..')

/** The names of all versions of the C library's symbols that it asks for, which its string table has. @param {string} file */
function glibcVersions(file) {
  const text = fs.readFileSync(file, 'latin1')
  return [...new Set(text.match(/\bGLIBC_\d+\.[\d.]+/g) ?? [])].sort()
}

/** @param {import('../../scripts/platforms/binaries.js').Contents} changes */
const ELF = (changes) => ({
  format: 'ELF',
  machine: 'X86_64',
  libraries: ['libc.so.6', 'libgcc_s.so.1', 'ld-linux-x86-64.so.2'],
  exports: ['napi_register_module_v1'],
  versions: ['GLIBC_2.2.5', 'GLIBC_2.14', 'GCC_3.0'],
  ...changes,
})

/** @param {import('../../scripts/platforms/binaries.js').Contents} changes */
const MACH_O = (changes) => ({
  format: 'Mach-O',
  machine: 'ARM64',
  libraries: ['/usr/lib/libSystem.B.dylib'],
  exports: ['_napi_register_module_v1'],
  name: '@rpath/libconnect_mongo_native.dylib',
  minimum: '11.0',
  signature: { pages: 10, wrong: [], whole: true },
  ...changes,
})

test('on Linux, the addon asks for no glibc after 2.17', () => {
  const versions = glibcVersions(path.join(NATIVE, `connect-mongo-native.${binding}.node`))
  assert.equal(versions.length > 0, binding.endsWith('-gnu'), `${binding}: ${versions}`)
  assert.deepEqual(versions.filter(isTooNew), [])
})

describe('a binary is refused', () => {
  /** @type {[string, string, any, string[]][]} */
  const cases = [
    [
      'for a later glibc',
      'linux-x64-gnu',
      ELF({ versions: ['GLIBC_2.2.5', 'GLIBC_2.18'] }),
      ['it asks for GLIBC_2.18'],
    ],
    ['for another processor', 'linux-arm64-gnu', ELF(), ['it is ELF for X86_64']],
    [
      'that Node cannot call',
      'linux-x64-gnu',
      ELF({ exports: [] }),
      ['it does not export napi_register_module_v1'],
    ],
    [
      'with a library that not all have',
      'linux-x64-gnu',
      ELF({ libraries: ['libssl.so.3'] }),
      ['it is linked with libssl.so.3'],
    ],
    [
      'with glibc for musl',
      'linux-x64-musl',
      ELF({ versions: [], libraries: ['libc.so.6'] }),
      ['it is linked with libc.so.6'],
    ],
    ['for a later macOS', 'darwin-arm64', MACH_O({ minimum: '13.0' }), ['it asks for macOS 13.0']],
    [
      'with a path of the machine that made it',
      'darwin-arm64',
      MACH_O({ name: '/build/lib.dylib' }),
      ['its name is /build/lib.dylib'],
    ],
    ['without a signature', 'darwin-arm64', MACH_O({ signature: null }), ['it has no code signature']],
    [
      'that was changed',
      'darwin-arm64',
      MACH_O({ signature: { pages: 9, wrong: [3], whole: true } }),
      ['pages 3 are not as signed'],
    ],
    [
      'signed in part',
      'darwin-arm64',
      MACH_O({ signature: { pages: 9, wrong: [], whole: false } }),
      ['its signature leaves a part out'],
    ],
  ]
  for (const [what, target, contents, faults] of cases) {
    test(what, () => {
      assert.deepEqual(faultsOf(contents, target), faults)
    })
  }

  test('only then', () => {
    assert.deepEqual(faultsOf(ELF(), 'linux-x64-gnu'), [])
    assert.deepEqual(faultsOf(MACH_O(), 'darwin-arm64'), [])
    const ofIntel = MACH_O({ machine: 'X86_64', minimum: '10.15', signature: null })
    assert.deepEqual(faultsOf(ofIntel, 'darwin-x64'), [])
  })
})
