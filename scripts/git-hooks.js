// `prepare`, which npm runs at the end of `npm install` and `npm ci` in a clone: makes git run what is in .githooks. It leaves alone
// who has hooks of their own, CI, and a copy of this project inside another repository. The published package has no scripts.
'use strict'

const { spawnSync } = require('node:child_process')
const { existsSync } = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..')

/** @param {string[]} args */
function git(...args) {
  return spawnSync('git', args, { cwd: ROOT, stdio: 'ignore' }).status
}

// In a worktree .git is a file.
const isClone = existsSync(path.join(ROOT, '.git'))
// The status is 1 where the setting is absent, and null where git is.
if (isClone && !process.env.CI && git('config', '--get', 'core.hooksPath') === 1) {
  git('config', 'core.hooksPath', '.githooks')
}
