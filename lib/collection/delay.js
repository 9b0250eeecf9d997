// A pause in the background.
'use strict'

// Kept, for apps whose tests put fake timers in the place of the global ones.
const { setTimeout } = require('node:timers')

/** Keeps no process alive. @param {number} milliseconds */
function delay(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}

module.exports = { delay }
