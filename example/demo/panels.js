// What the demo's page has beside the app's own. The script in public/page.mjs brings it to life.
'use strict'

const { version } = require('connect-mongo/package.json')
const { escapeHtml } = require('../page.js')

const NATIVE = 'connect-mongo-native'
const CONNECT_MONGO = `connect-mongo ${version.split('.')[0]}`

/** @param {string} name @param {import('./switches.js').Switch} one @param {boolean} isOn */
function switchButton(name, { label, option, says }, isOn) {
  return `<button class="switch" role="switch" aria-checked="${isOn}" name="${name}" value="${isOn ? 'off' : 'on'}">
<span>${label}<small>${escapeHtml(says)}</small><code>${escapeHtml(option)}</code></span></button>`
}

/** @param {Record<string, import('./switches.js').Switch>} switches @param {string[]} on */
function switchesCard(switches, on) {
  const buttons = Object.entries(switches).map(([name, one]) => switchButton(name, one, on.includes(name)))
  return `<link rel="stylesheet" href="/demo/demo.css">
<section class="card" id="switches"><h2>Switches</h2>
<p>Options of the store. You stay logged in, and the document below changes.</p>
<form method="post" action="/switches">${buttons.join('\n')}</form></section>`
}

/** @param {string} path @param {string} name @param {string} [option] */
function tabsColumn(path, name, option) {
  return `<section class="column" data-path="${path}" aria-label="${name}"><h3>${name}</h3>
<p>${option ? `<code>${escapeHtml(option)}</code>` : 'default options'}</p>
<p class="verdict" role="status"></p>
<div class="lanes" aria-hidden="true"><b>Tab A</b><b>Tab B</b></div>
<ol class="timeline"></ol>
<pre hidden></pre></section>`
}

/** @param {{ merges: boolean }} options */
function tabsCard({ merges }) {
  return `<section class="card" id="tabs"><h2>Two tabs of one user</h2>
<p>Tab B sends a request that takes a second, and tab A another one meanwhile: real requests to two Express apps, which differ in
their store. What is left is read from MongoDB.</p>
<div class="row" data-needs-script hidden>
<button data-scenario="logOut">Log out during a save</button>
<button class="quiet" data-scenario="fillCart">Fill one cart from both</button></div>
<noscript><p class="notice">This takes JavaScript.</p></noscript>
<div class="columns">${tabsColumn('/tabs/native', NATIVE, merges ? "concurrency: 'merge'" : '')}
${tabsColumn('/tabs/connect-mongo', CONNECT_MONGO)}</div></section>`
}

/** @param {string} store @param {string} name */
function raceLane(store, name) {
  return `<div class="lane" data-store="${store}"><b>${name}</b><span class="rate">–</span>
<div class="track"><div class="bar"></div></div></div>`
}

function raceCard() {
  return `<section class="card" id="race"><h2>Race</h2>
<p>128 loops read a session and write it back, in the process that serves this page, with both stores as they are by default and one
MongoDB. They take turns of 200 ms, five each, so that neither takes the other’s time, after some 1,500 operations of each that do not count. Browser,
MongoDB and stores share this machine: <code>npm run bench</code> has figures to go by.</p>
<div class="row" data-needs-script hidden><button id="race-start">Race for two seconds</button>
<span id="race-result" role="status"></span></div>
<noscript><p class="notice">This takes JavaScript.</p></noscript>
${raceLane('native', NATIVE)}${raceLane('connect-mongo', CONNECT_MONGO)}
</section><script type="module" src="/demo/page.mjs"></script>`
}

module.exports = { raceCard, switchesCard, tabsCard }
