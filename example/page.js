// What the example's page looks like. Every value that comes from outside goes through `escapeHtml`.
'use strict'

const STYLE = `
:root { color-scheme: light dark; --ink: #16231d; --soft: #5d6b64; --paper: #f3f6f4; --card: #fff; --line: #dde5e0;
  --accent: #0a7a50; --on-accent: #fff; --code: #10201a; --code-ink: #d5eee2; --code-soft: #7fa797; --warn: #a4341f }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eee9; --soft: #93a69c; --paper: #0d1512; --card: #15201b;
  --line: #25352d; --accent: #35c48d; --on-accent: #06281a; --code: #080e0b; --warn: #ff9d87 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: clamp(1.5rem, 5vw, 4rem) 1.25rem }
header { margin-bottom: 2rem }
h1 { margin: 0; font-size: clamp(1.5rem, 4vw, 2.1rem); letter-spacing: -.02em; line-height: 1.2 }
header p { margin: .4rem 0 0; color: var(--soft) }
h2 { margin: 0 0 .25rem; font-size: 1.15rem }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .86em }
.grid { display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 1fr) }
@media (min-width: 48rem) { .grid { grid-template-columns: minmax(0, 19rem) minmax(0, 1fr) } }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.5rem }
.card + .card { margin-top: 1.25rem }
.card p { margin: .25rem 0 1rem; color: var(--soft) }
.stored { background: var(--code); border-color: transparent; color: var(--code-ink) }
.stored p { color: var(--code-soft); margin-bottom: 0 }
.stored pre { margin: 1rem 0; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6 }
.count { display: block; font-size: 4.5rem; line-height: 1; font-weight: 650; letter-spacing: -.04em;
  font-variant-numeric: tabular-nums; margin: .75rem 0 .25rem; color: var(--accent) }
.row { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center }
label { display: block; font-weight: 600; margin-bottom: .35rem }
input { width: 100%; padding: .6rem .75rem; margin-bottom: .8rem; font: inherit; color: inherit;
  background: var(--paper); border: 1px solid var(--line); border-radius: 9px }
button { padding: .6rem 1.1rem; font: inherit; font-weight: 600; border-radius: 9px; cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent) }
button.quiet { background: none; color: inherit; border-color: var(--line) }
button:hover { filter: brightness(1.08) }
:focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 45%, transparent); outline-offset: 2px }
.notice { color: var(--warn); font-weight: 600; margin: 0 0 1rem }
ul { list-style: none; margin: 0 0 1rem; padding: 0 }
li { display: flex; gap: .6rem; align-items: center; justify-content: space-between; padding: .45rem 0;
  border-bottom: 1px solid var(--line) }
li small { display: block; color: var(--soft) }
li button { padding: .3rem .7rem }
footer { margin-top: 1.75rem; color: var(--soft); font-size: .9rem }`

/** @param {unknown} value */
function escapeHtml(value) {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** @param {string} content HTML */
function layout(content) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>connect-mongo-native</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body><main>
<header><h1>A session, from the browser to MongoDB</h1>
<p>Express 5, express-session, and <code>connect-mongo-native</code> as its store</p></header>
${content}
</main></body>
</html>
`
}

function loginCard() {
  return `<section class="card"><h2>Log in</h2>
<p>Any name will do.</p>
<form method="post" action="/login">
<label for="name">Your name</label>
<input id="name" name="name" maxlength="60" autocomplete="nickname" required autofocus>
<button>Log in</button>
</form></section>`
}

/** @param {{ name: string, count: number }} user */
function counterCard({ name, count }) {
  return `<section class="card"><h2>Hello, <span id="name">${escapeHtml(name)}</span></h2>
<output class="count" id="count">${escapeHtml(count)}</output>
<p>counted in <code>req.session.user.count</code></p>
<div class="row">
<form method="post" action="/count"><button>Count</button></form>
<form method="post" action="/logout"><button class="quiet">Log out</button></form>
</div></section>`
}

/**
 * A handle ends a session, and is of no use as its id: it may stand in a page.
 *
 * @param {import('connect-mongo-native').FoundSession} device
 */
function deviceItem({ handle, description, lastSeen, isCurrent }) {
  const name = `<span>${escapeHtml(description?.browser)}${isCurrent ? ' · this one' : ''}
<small>last seen ${escapeHtml(lastSeen?.toISOString())}</small></span>`
  return `<li>${name}<form method="post" action="/devices/end"><input type="hidden" name="handle" value="${escapeHtml(handle)}">
<button class="quiet">End</button></form></li>`
}

/** @param {import('connect-mongo-native').FoundSession[]} devices */
function devicesCard(devices) {
  return `<section class="card"><h2>Your devices</h2>
<p>Found by <code>store.find</code>, ended by <code>destroyHandle</code> and <code>destroyAll</code>.</p>
<ul id="devices">${devices.map(deviceItem).join('\n')}</ul>
<form method="post" action="/devices/end-others"><button class="quiet">End all others</button></form></section>`
}

/** @param {string | null} [document] null when there is none */
function storedCard(document) {
  const body = document
    ? `<pre id="document">${escapeHtml(document)}</pre>
<p>Reload the page: nothing in the session changes, so the store only touches it, and <code>expires</code> moves on.</p>`
    : `<p id="nothing">Nothing. An empty session is not saved: a visitor costs no write until there is something to keep.</p>`
  return `<section class="card stored"><h2>What MongoDB holds</h2>${body}</section>`
}

/**
 * @param {object} view
 * @param {{ name: string, count: number }} [view.user]
 * @param {import('connect-mongo-native').FoundSession[]} [view.devices]
 * @param {string | null} [view.document]
 * @param {string} [view.notice]
 * @param {string} view.footer
 */
function sessionPage({ user, devices, document, notice, footer }) {
  return layout(`${notice ? `<p class="notice" role="alert">${escapeHtml(notice)}</p>` : ''}
<div class="grid"><div>${user ? counterCard(user) : loginCard()}${devices ? devicesCard(devices) : ''}</div>
${storedCard(document)}</div>
<footer>${escapeHtml(footer)}</footer>`)
}

/** @param {string} message */
function errorPage(message) {
  return layout(`<section class="card"><h2>That did not work</h2><p class="notice" role="alert">${escapeHtml(message)}</p>
<form action="/"><button>To the start</button></form></section>`)
}

module.exports = { errorPage, escapeHtml, sessionPage }
