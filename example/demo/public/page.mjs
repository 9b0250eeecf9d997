// The demo's page in the browser: plays what two tabs do, and draws the race.
/// <reference lib="dom" />
import { fillCart, linesOf, logOut } from './scenarios.mjs'

/** By the names that the buttons have. */
const SCENARIOS = { logOut, fillCart }

/** @param {string} selector @param {ParentNode} [within] */
function find(selector, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(selector))
}

/** @param {string} selector @returns {HTMLElement[]} */
function findAll(selector) {
  return [...document.querySelectorAll(selector)].map((element) => /** @type {HTMLElement} */ (element))
}

/** While something runs, nothing else is started: the requests of one would slow down the other. @param {() => Promise<unknown>} work */
async function alone(work) {
  const buttons = findAll('[data-needs-script] button').map((one) => /** @type {HTMLButtonElement} */ (one))
  for (const button of buttons) button.disabled = true
  await work()
  for (const button of buttons) button.disabled = false
}

/** @param {HTMLElement} column */
function createTimeline(column) {
  const start = performance.now()
  const list = find('.timeline', column)
  list.replaceChildren()
  /** @type {import('./scenarios.mjs').Tell} */
  return (who, what) => {
    const item = document.createElement('li')
    item.className = who
    const seconds = ((performance.now() - start) / 1000).toFixed(2)
    const [tab, time] = [document.createElement('b'), document.createElement('small')]
    tab.textContent = `Tab ${who} `
    time.textContent = `${seconds} s`
    item.append(tab, what, time)
    list.append(item)
  }
}

/** @param {string} path @returns {import('./scenarios.mjs').Send} */
function senderTo(path) {
  return (where, form) =>
    fetch(path + where, form ? { method: 'POST', body: new URLSearchParams(form) } : undefined)
}

/** @param {HTMLElement} column @param {keyof typeof SCENARIOS} scenario */
async function play(column, scenario) {
  const [verdict, stored] = [find('.verdict', column), find('pre', column)]
  verdict.textContent = ''
  verdict.className = 'verdict'
  stored.hidden = true
  try {
    const outcome = await SCENARIOS[scenario](senderTo(String(column.dataset.path)), createTimeline(column))
    const held =
      outcome.document && JSON.stringify(outcome.document.session, ['user', 'cart', 'apples', 'pears'], 1)
    stored.textContent = `In MongoDB: ${held?.replace(/\s+/g, ' ') ?? 'no session'}`
    stored.hidden = false
    verdict.classList.add(outcome.isGood ? 'good' : 'bad')
    verdict.textContent = outcome.verdict
  } catch (error) {
    verdict.classList.add('bad')
    verdict.textContent = `That did not work: ${/** @type {Error} */ (error).message}`
  }
}

/** @param {Turn} one @param {Turn} other @returns {Turn} */
function sumOf({ store, ...one }, other) {
  return {
    store,
    operations: one.operations + other.operations,
    milliseconds: one.milliseconds + other.milliseconds,
  }
}

/** @param {Map<string, Turn>} totals @returns {Record<string, number>} operations a second */
function ratesOf(totals) {
  const rate = (/** @type {Turn} */ { operations, milliseconds }) => (1000 * operations) / milliseconds
  return Object.fromEntries([...totals].map(([store, total]) => [store, rate(total)]))
}

/** @param {Record<string, number>} rates */
function drawRates(rates) {
  const highest = Math.max(1, ...Object.values(rates))
  for (const [store, rate] of Object.entries(rates)) {
    const lane = find(`#race [data-store="${store}"]`)
    find('.rate', lane).textContent = rate ? `${Math.round(rate).toLocaleString('en')} a second` : '–'
    find('.bar', lane).style.width = `${(100 * rate) / highest}%`
  }
}

/** @param {Record<string, number>} rates */
function resultOf({ native, 'connect-mongo': other }) {
  return `connect-mongo-native did ${(native / other).toFixed(1)} times as many operations`
}

/** @typedef {{ store: string, operations: number, milliseconds: number }} Turn */

/** @param {(rates: Record<string, number>) => void} draw @returns {Promise<Record<string, number>>} */
async function readRace(draw) {
  /** @type {Map<string, Turn>} */
  const totals = new Map()
  for await (const turn of linesOf(await fetch('/race', { method: 'POST' }))) {
    if (turn.warmingUp) continue
    const before = totals.get(turn.store)
    totals.set(turn.store, before ? sumOf(before, turn) : turn)
    draw(ratesOf(totals))
  }
  return ratesOf(totals)
}

async function race() {
  const result = find('#race-result')
  result.textContent = 'Warming up …'
  drawRates({ native: 0, 'connect-mongo': 0 })
  try {
    const rates = await readRace((soFar) => {
      result.textContent = ''
      drawRates(soFar)
    })
    result.textContent = resultOf(rates)
  } catch (error) {
    result.textContent = `That did not work: ${/** @type {Error} */ (error).message}`
  }
}

for (const row of findAll('[data-needs-script]')) row.hidden = false
for (const button of findAll('[data-scenario]')) {
  const scenario = /** @type {keyof typeof SCENARIOS} */ (button.dataset.scenario)
  button.addEventListener('click', () =>
    alone(() => Promise.all(findAll('#tabs .column').map((column) => play(column, scenario))))
  )
}
find('#race-start').addEventListener('click', () => alone(race))
