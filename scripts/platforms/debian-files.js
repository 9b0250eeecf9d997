// Files of packages of another Debian, unpacked into a folder, and a whole one with Wine to change the root to. Debian alone can fetch
// them.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { StepError, run } = require('../setup.js')
const { FOLDER, fillOnce } = require('../tools.js')

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const MIRROR = 'http://deb.debian.org/debian'

function checkDebian() {
  if (fs.existsSync(KEYRING)) return
  throw new StepError(`This needs Debian, or Ubuntu with debian-archive-keyring: there is no ${KEYRING}`)
}

/** What has apt look at nothing of this machine's own. @param {string} scratch @param {string} suite @param {string} arch @returns {string[]} */
function aptOptions(scratch, suite, arch) {
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    fs.mkdirSync(path.join(scratch, folder), { recursive: true })
  }
  const [sources, status] = ['sources.list', 'status'].map((name) => path.join(scratch, name))
  fs.writeFileSync(sources, `deb [signed-by=${KEYRING}] ${MIRROR} ${suite} main\n`)
  fs.writeFileSync(status, '')
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': path.join(scratch, 'lists'),
    'Dir::State::Status': status,
    'Dir::Cache': path.join(scratch, 'cache'),
    'APT::Architecture': arch,
    'APT::Architectures': arch,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }
  return ['--quiet=2', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])]
}

/**
 * @param {string} suite of Debian, such as `trixie`
 * @param {string} arch in Debian's words
 * @param {string[]} packages
 * @param {(line: string) => void} say
 * @returns {Promise<string>} the folder that they are unpacked in
 */
function debianFiles(suite, arch, packages, say) {
  checkDebian()
  return fillOnce(path.join(FOLDER, [suite, arch, ...packages].join('-')), async (partial) => {
    say(`apt-get download ${packages.join(' ')} of ${suite}, ${arch}`)
    const scratch = `${partial}-apt`
    try {
      const options = aptOptions(scratch, suite, arch)
      await run('apt-get', [...options, 'update'])
      // It downloads into the folder that it is run in.
      const download = `cd "$0" && exec apt-get "$@"`
      await run('sh', ['-c', download, scratch, ...options, 'download', ...packages])
      const files = fs.readdirSync(scratch).filter((name) => name.endsWith('.deb'))
      for (const file of files) await run('dpkg', ['--extract', path.join(scratch, file), partial])
    } finally {
      fs.rmSync(scratch, { recursive: true, force: true })
    }
  })
}

/** @param {(line: string) => void} say @returns {Promise<string>} the folder of a Debian 13 with Wine 10, for `chroot` */
function debianWithWine(say) {
  checkDebian()
  if (process.getuid?.() !== 0) throw new StepError('Wine is run in a Debian of its own, which asks for root')
  return fillOnce(path.join(FOLDER, 'trixie-wine64'), async (partial) => {
    say('debootstrap trixie with wine64')
    await run('debootstrap', ['--variant=minbase', '--include=wine64', 'trixie', partial, MIRROR])
  })
}

module.exports = { debianFiles, debianWithWine }
