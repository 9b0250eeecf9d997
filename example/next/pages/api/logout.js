import { promisify } from 'node:util'

export default async function handler(req, res) {
  await promisify(req.session.destroy).call(req.session)
  res.json({})
}
