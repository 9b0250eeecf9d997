// The sessions that the vectors hold. Each has a real express-session cookie, as an app's sessions have.
'use strict'

/** Far enough that no vector expires while it is of use. */
const EXPIRES = '2100-01-01T00:00:00.000Z'
const HOUR_MS = 3_600_000
const LARGE_BYTES = 10_000

/**
 * @param {string} name
 * @param {new (options: object) => any} Cookie express-session's
 */
function makeSession(name, Cookie) {
  const cookie = new Cookie({ path: '/', httpOnly: true })
  if (name !== 'minimal') {
    cookie.expires = new Date(EXPIRES)
    cookie.originalMaxAge = HOUR_MS
  }
  return { cookie, ...CONTENTS[name]() }
}

/** @type {Record<string, () => object>} */
const CONTENTS = {
  /** No expiry: the cookie of a browser session. */
  minimal: () => ({}),
  small: () => ({ user: 'Zoë 🦀', views: 3 }),
  /** Text of every length in UTF-8, what JSON escapes, and half a surrogate pair. */
  rich: () => ({
    user: { name: 'Zoë "Ω" 🦀 日本', roles: ['admin', 'a\\b'], theme: null, ratio: 0.1, on: true },
    'ключ.$x': 'line\nline\u2028\u0000\u001f</script>',
    half: 'a\ud800z',
  }),
  /** As rich, with nothing that BSON cannot hold. */
  document: () => ({
    user: { name: 'Zoë "Ω" 🦀 日本', roles: ['admin', 'a\\b'], theme: null, ratio: 0.1, on: true },
    seen: new Date(EXPIRES),
  }),
  /** Field names that kruptein 3.4 puts around every text itself. */
  typed: () => ({ type: 'json', value: 'mine', ct: 'x', hmac: 'y', iv: 'z', salt: 'w' }),
  large: () => ({ text: 'Ünïcödé und Text, '.repeat(LARGE_BYTES / 20) }),
}

module.exports = { makeSession }
