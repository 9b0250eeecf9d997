// What a command ends with, for scripts; and what it says without giving a secret away.
'use strict'

/** Documented in the help of every command. */
const EXIT = Object.freeze({ FINE: 0, FAILED: 1, USAGE: 2 })

/** Of an error that says all there is to say: no stack is of use to whoever reads it. */
class CliError extends Error {
  exitCode

  /** @param {string} message @param {number} [exitCode] */
  constructor(message, exitCode = EXIT.FAILED) {
    super(message)
    this.name = new.target.name
    this.exitCode = exitCode
  }
}

/** The command line, or the configuration, is wrong. */
class UsageError extends CliError {
  /** @param {string} message */
  constructor(message) {
    super(message, EXIT.USAGE)
  }
}

const HIDDEN = '***'
/** What stands between the slashes and the last at-sign of a URL's hosts; a password may hold an at-sign that nobody escaped. */
const CREDENTIALS = /(\b[a-z][a-z+]*:\/\/)([^/\s]*)@/gi
/** Where somebody has left a slash unescaped as well, what stands before it is no host with its port. */
const UNESCAPED = /(\b[a-z][a-z+]*:\/\/[^/\s:@]*):(?!\d+[/,])\S*@/gi

/** @param {string} text @returns {string} without the credentials of connection strings */
function redactUrls(text) {
  const redacted = text.replace(CREDENTIALS, (_, scheme, credentials) => {
    const [user, ...password] = credentials.split(':')
    return `${scheme}${user}${password.length > 0 ? `:${HIDDEN}` : ''}@`
  })
  return redacted.replace(UNESCAPED, (whole, before) =>
    whole.includes(HIDDEN) ? whole : `${before}:${HIDDEN}@`
  )
}

/** @param {string} text @returns {string[]} as it is written, and as it is meant */
function spellings(text) {
  try {
    return [text, decodeURIComponent(text)]
  } catch {
    return [text]
  }
}

/** @param {string} url @returns {string[]} what its password can be, whatever of it somebody has left unescaped */
function passwordsIn(url) {
  const behindUser = /^[^:]*:\/\/[^:@]*:(.*)$/s.exec(url)?.[1] ?? ''
  const ends = [behindUser.indexOf('@'), behindUser.lastIndexOf('@')]
  const passwords = ends.filter((end) => end > 0).map((end) => behindUser.slice(0, end))
  return passwords.flatMap(spellings)
}

/** What is shorter is part of other words. */
const LEAST_LENGTH = 4

/** Removes secrets from whatever is printed about an error. */
class Redactor {
  /** @type {Set<string>} */
  #secrets = new Set()

  /** @param {unknown[]} secrets what of these is text */
  add(...secrets) {
    for (const secret of secrets.flat()) {
      if (typeof secret !== 'string') continue
      // Of a URL, the rest helps whoever reads an error.
      const hidden = secret.includes('://') ? passwordsIn(secret) : [secret]
      for (const one of hidden) if (one.length >= LEAST_LENGTH) this.#secrets.add(one)
    }
  }

  /** @param {string} text @returns {string} */
  redact(text) {
    const secrets = [...this.#secrets].sort((a, b) => b.length - a.length)
    const redacted = redactUrls(text)
    return secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), redacted)
  }
}

/** @param {string} url @returns {string} without its password */
function withoutPassword(url) {
  const redactor = new Redactor()
  redactor.add(url)
  return redactor.redact(url)
}

/** @param {string} url @returns {string} what a person knows the server by */
function serverOf(url) {
  return withoutPassword(url).replace(/\?.*/s, '')
}

module.exports = { CliError, EXIT, Redactor, UsageError, serverOf, withoutPassword }
