// The `serialize` and `unserialize` of an app, by the names that the vectors give them.
'use strict'

/** @type {Record<string, { serialize: (session: any) => any, unserialize: (value: any) => any }>} */
const custom = {
  text: {
    serialize: (session) => Buffer.from(JSON.stringify(session)).toString('base64'),
    unserialize: (text) => JSON.parse(Buffer.from(text, 'base64').toString()),
  },
  object: {
    serialize: (session) => ({ wrapped: session }),
    unserialize: (value) => value.wrapped,
  },
  halfPair: {
    serialize: (session) => `${JSON.stringify(session)}\ud800`,
    unserialize: (text) => JSON.parse(text.slice(0, -1)),
  },
}

module.exports = { custom }
