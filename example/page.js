// What the example's page looks like. Every value that comes from outside goes through `escapeHtml`.
'use strict'

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
<link rel="stylesheet" href="/style.css">
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
<small>last seen ${escapeHtml(lastSeen?.toISOString().slice(0, 19).replace('T', ' '))}</small></span>`
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

/** Names of fields are set apart from their values. @param {string} json */
function markedUp(json) {
  return escapeHtml(json).replace(/^( *)(&#34;[^&]*&#34;:)/gm, '$1<i>$2</i>')
}

/** @param {string | null} [document] null when there is none */
function storedCard(document) {
  const body = document
    ? `<pre id="document">${markedUp(document)}</pre>
<p>What is stored as JSON text is shown parsed. Reload the page: nothing in the session changes, so the store only touches it, and
<code>expires</code> moves on.</p>`
    : `<p id="nothing">Nothing. An empty session is not saved: a visitor costs no write until there is something to keep.</p>`
  return `<section class="card stored"><h2>What MongoDB holds</h2>${body}</section>`
}

/**
 * @param {object} view
 * @param {{ name: string, count: number }} [view.user]
 * @param {import('connect-mongo-native').FoundSession[]} [view.devices]
 * @param {string | null} [view.document]
 * @param {string} [view.notice]
 * @param {{ above: string, below: string }} [view.extras] HTML above the stored document, and below all
 * @param {string} view.footer
 */
function sessionPage({ user, devices, document, notice, extras = { above: '', below: '' }, footer }) {
  return layout(`${notice ? `<p class="notice" role="alert">${escapeHtml(notice)}</p>` : ''}
<div class="grid"><div>${user ? counterCard(user) : loginCard()}${devices ? devicesCard(devices) : ''}</div>
<div>${extras.above}${storedCard(document)}</div></div>
${extras.below}
<footer>${escapeHtml(footer)}</footer>`)
}

/** @param {string} message */
function errorPage(message) {
  return layout(`<section class="card"><h2>That did not work</h2><p class="notice" role="alert">${escapeHtml(message)}</p>
<form action="/"><button>To the start</button></form></section>`)
}

module.exports = { errorPage, escapeHtml, sessionPage }
