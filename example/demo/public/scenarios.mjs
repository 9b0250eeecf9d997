// What two tabs do at the same time, for one of the stores. The page plays it in a browser, and `npm run demo -- --once` without one.

/**
 * @typedef {(path: string, form?: Record<string, string>) => Promise<Response>} Send with the cookies of one browser; a form is posted
 * @typedef {(who: 'A' | 'B', what: string) => void} Tell
 * @typedef {{ document: any, user: string | null }} Outcome what MongoDB holds in the end, and whom the next request is from
 */

/** @param {Response} response */
async function checked(response) {
  if (!response.ok) throw new Error(`${response.url} was answered with ${response.status}`)
  return response
}

/** @param {Response} response @returns {AsyncGenerator<any>} each line of JSON when it comes */
export async function* linesOf(response) {
  const stream = /** @type {ReadableStream<Uint8Array>} */ ((await checked(response)).body)
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = `${rest}${decoder.decode(read.value, { stream: true })}`.split('\n')
    rest = String(lines.pop())
    for (const line of lines) yield JSON.parse(line)
  }
}

/** @param {Send} send @param {Tell} tell @returns {Promise<string>} the session's id */
async function logIn(send, tell) {
  const { id } = await (await checked(await send('/login', {}))).json()
  tell('A', 'logs in as Ada')
  return id
}

/**
 * @param {Send} send
 * @param {Tell} tell
 * @param {'A' | 'B'} who
 * @param {string} item
 */
async function startAdding(send, tell, who, item) {
  const lines = linesOf(await send('/add', { item }))
  await lines.next()
  tell(who, `adds ${item}: session loaded …`)
  return async () => {
    const { value } = await lines.next()
    if (!value?.saved) throw new Error('The slow request was broken off')
    tell(who, `… saved with ${item}, says the store`)
  }
}

/** @param {Send} send @param {string} id @returns {Promise<Outcome>} */
async function outcomeOf(send, id) {
  const { document } = await (await checked(await send(`/stored/${encodeURIComponent(id)}`))).json()
  const { user } = await (await checked(await send('/me'))).json()
  return { document, user }
}

/** @param {Send} send @param {Tell} tell */
export async function logOut(send, tell) {
  const id = await logIn(send, tell)
  const saved = await startAdding(send, tell, 'B', 'pears')
  await checked(await send('/logout', {}))
  tell('A', 'logs out: session destroyed')
  await saved()
  const outcome = await outcomeOf(send, id)
  tell(
    'B',
    outcome.user ? `clicks again, and is logged in as ${outcome.user}` : 'clicks again, and is logged out'
  )
  const isGood = !outcome.document && !outcome.user
  return { ...outcome, isGood, verdict: isGood ? 'The log-out holds' : 'The log-out is undone' }
}

/** @param {Send} send @param {Tell} tell */
export async function fillCart(send, tell) {
  const id = await logIn(send, tell)
  const saves = [await startAdding(send, tell, 'A', 'apples'), await startAdding(send, tell, 'B', 'pears')]
  for (const saved of saves) await saved()
  const outcome = await outcomeOf(send, id)
  const cart = Object.keys(outcome.document.session.cart)
  const lost = ['apples', 'pears'].filter((item) => !cart.includes(item))
  return { ...outcome, isGood: !lost.length, verdict: lost.length ? `Lost: ${lost}` : 'Both are in the cart' }
}
