// A pause in the background.
'use strict'

/** Keeps no process alive. @param {number} milliseconds */
function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}

module.exports = { delay }
