import { promisify } from 'node:util'

export default async function handler(req, res) {
  // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
  await promisify(req.session.regenerate).call(req.session)
  req.session.user = String(req.body.user)
  res.json({ user: req.session.user })
}
