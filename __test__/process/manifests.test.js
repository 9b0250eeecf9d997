// The package.json of what is packed, made of those of this repository.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { readdirSync, readFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { describe, test } = require('node:test')
const { promisify } = require('node:util')
const { PROJECT, localManifest, publicManifest } = require('../../scripts/release/manifests.js')

const run = promisify(execFile)

const ROOT = path.join(__dirname, '..', '..')
const NPM = path.join(ROOT, 'npm')
const CLI = path.join(ROOT, 'cli')
const FOLDERS = [ROOT, CLI, ...readdirSync(NPM).map((name) => path.join(NPM, name))]
const MANIFESTS = FOLDERS.map((folder) => JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')))
const PAGE = 'https://git.example/ada/connect-mongo-native'
const OURS = ['devDependencies', 'napi', 'overrides', 'scripts', 'workspaces']
const author = 'Ada Lovelace <ada@example.com>'

/** A project that can be published. @param {object} [change] */
const project = (change) => ({ repository: PAGE, author, ...change })

describe('what is packed', () => {
  for (const manifest of MANIFESTS) {
    test(`has what ${manifest.name} has, and nothing that only this repository has a use for`, () => {
      const packed = publicManifest(manifest, project())
      for (const name of [...OURS, 'private']) assert.equal(name in packed, false, name)
      const links = ['author', 'repository', 'homepage', 'bugs']
      const own = Object.keys(packed).filter((name) => !links.includes(name))
      const expected = Object.keys(manifest).filter((name) => ![...OURS, 'private'].includes(name))
      assert.deepEqual(own.sort(), expected.sort())
      for (const name of own) assert.deepEqual(packed[name], manifest[name], name)
    })

    test(`leads readers of ${manifest.name} to the project`, () => {
      const { repository, homepage, bugs, ...packed } = publicManifest(manifest, project())
      assert.deepEqual(
        { repository, homepage, bugs, author: packed.author },
        {
          repository: { type: 'git', url: `git+${PAGE}.git` },
          homepage: `${PAGE}#readme`,
          bugs: { url: `${PAGE}/issues` },
          author,
        }
      )
    })
  }

  test('cannot be published by mistake when it is for an installation here', () => {
    for (const manifest of MANIFESTS) {
      const packed = localManifest(manifest)
      assert.equal(packed.private, true)
      for (const name of OURS) assert.equal(name in packed, false, name)
    }
  })

  test('cannot be published without a place where readers find the project', () => {
    const [manifest] = MANIFESTS
    for (const [change, names] of /** @type {const} */ ([
      [{ repository: '' }, 'repository'],
      [{ repository: 'TODO' }, 'repository'],
      [{ repository: 'https://git.example' }, 'repository'],
      [{ repository: 'git@git.example:ada/connect-mongo-native' }, 'repository'],
      [{ author: ' ' }, 'author'],
      [{ repository: '', author: '' }, 'repository and author'],
    ])) {
      const message = `Nothing can be published yet: fill in ${names} of PROJECT in scripts/release/manifests.js`
      assert.throws(() => publicManifest(manifest, project(change)), { message })
    }
    assert.deepEqual(
      publicManifest(manifest, project({ repository: `${PAGE}.git` })),
      publicManifest(manifest, project())
    )
  })

  test('is refused by npm run pack:release as long as that is so, before anything is built', async (t) => {
    if (PROJECT.repository !== '' || PROJECT.author !== '') {
      assert.ok(publicManifest(MANIFESTS[0]).repository.url)
      return
    }
    const packing = run(process.execPath, [
      path.join(ROOT, 'scripts', 'release', 'pack.js'),
      '--release',
      tmpdir(),
    ])
    await assert.rejects(packing, {
      code: 1,
      stderr: /^Nothing can be published yet: fill in repository and author/,
    })
    t.diagnostic('PROJECT is not filled in')
  })
})

test('all packages have one version, and the command line goes with the package of that version', () => {
  const [{ name, version }, cli] = MANIFESTS
  for (const manifest of MANIFESTS) assert.equal(manifest.version, version, manifest.name)
  assert.equal(cli.peerDependencies[name], version)
})

test('the command line is nothing that the package depends on', () => {
  const [{ dependencies, peerDependencies, optionalDependencies }, cli] = MANIFESTS
  const installed = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
  for (const name of [cli.name, ...Object.keys(cli.dependencies)]) assert.ok(!installed.includes(name), name)
})

test('npm publish in the repository itself is refused, where nothing is left out', () => {
  assert.equal(MANIFESTS[0].private, true)
})
