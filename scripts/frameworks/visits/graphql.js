'use strict'

const { countLogInAndOut } = require('../visitors.js')

/** @param {import('../visitors.js').AVisitor} visitor @param {string} query @param {object} [variables] @returns {Promise<any>} */
async function ask(visitor, query, variables) {
  const { data, errors } = await visitor.post('/graphql', { query, variables })
  if (errors) throw new Error(JSON.stringify(errors))
  return data
}

/** @type {import('../visitors.js').Actions} */
const ACTIONS = {
  count: async (visitor) => {
    const { user, views } = (await ask(visitor, 'mutation { count { user views } }')).count
    return user === null ? { views } : { user, views }
  },
  logIn: (visitor, user) =>
    ask(visitor, 'mutation ($user: String!) { logIn(user: $user) { user } }', { user }),
  logOut: (visitor) => ask(visitor, 'mutation { logOut }'),
}

/** @param {import('../visitors.js').Visit} visit */
module.exports = (visit) => countLogInAndOut(visit, ACTIONS)
