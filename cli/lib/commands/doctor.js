'use strict'

/** @type {import('../main.js').CommandModule} */
module.exports = {
  usage: 'doctor',
  summary: 'look for what is wrong, and say what to do about it',
  async run({ connect }) {
    const connection = await connect()
    const collection = await connection.collection()
    return { report: { count: await collection.estimatedDocumentCount() } }
  },
  render: ({ count }) => `${count} sessions`,
}
