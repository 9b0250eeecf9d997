// Programs that a test runs, if the machine has them.
'use strict'

const { accessSync, constants } = require('node:fs')

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

module.exports = { isExecutable }
