// A certificate authority of the test's own, made with the openssl command.
'use strict'

const { execFileSync } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { after } = require('node:test')

const KEY_PASSWORD = 'key-password'

/** As `certificatesIn`, in a folder that is removed when the file's tests are over. */
function makeCertificates() {
  const folder = mkdtempSync(path.join(tmpdir(), 'connect-mongo-native-tls-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  return certificatesIn(folder)
}

/**
 * Makes a certificate authority, a server certificate for 127.0.0.1 and localhost, and client certificates.
 *
 * @param {string} folder
 */
function certificatesIn(folder) {
  const file = (/** @type {string} */ name) => path.join(folder, name)
  const openssl = (/** @type {string[]} */ ...args) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

  const makeAuthority = (/** @type {string} */ name) => {
    const subject = `/O=connect-mongo-native tests/CN=${name}`
    const extensions = [
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=critical,keyCertSign',
    ]
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-noenc',
      '-days',
      '2',
      '-subj',
      subject,
      ...extensions,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`
    )
  }
  const makeCertificate = (
    /** @type {string} */ name,
    /** @type {string} */ subject,
    /** @type {string} */ extensions
  ) => {
    writeFileSync(file(`${name}.ext`), extensions)
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-noenc',
      '-subj',
      subject,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`
    )
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`
    )
    joinFiles(`${name}.pem`, `${name}.crt`, `${name}.key`)
  }
  const joinFiles = (/** @type {string} */ target, /** @type {string[]} */ ...sources) =>
    writeFileSync(file(target), sources.map((source) => readFileSync(file(source), 'utf8')).join(''))

  makeAuthority('ca')
  makeAuthority('other-ca')
  makeCertificate(
    'server',
    '/O=servers/CN=localhost',
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth'
  )
  makeCertificate('client', '/O=clients/OU=sessions/CN=app', 'extendedKeyUsage=clientAuth')
  makeCertificate('stranger', '/O=clients/OU=sessions/CN=stranger', 'extendedKeyUsage=clientAuth')
  openssl(
    'pkcs8',
    '-topk8',
    '-v2',
    'aes-256-cbc',
    '-in',
    'client.key',
    '-out',
    'client-encrypted.key',
    '-passout',
    `pass:${KEY_PASSWORD}`
  )
  joinFiles('client-encrypted.pem', 'client.crt', 'client-encrypted.key')

  return {
    ca: file('ca.pem'),
    otherCa: file('other-ca.pem'),
    server: file('server.pem'),
    client: file('client.pem'),
    clientEncrypted: file('client-encrypted.pem'),
    stranger: file('stranger.pem'),
    clientSubject: 'CN=app,OU=sessions,O=clients',
    keyPassword: KEY_PASSWORD,
  }
}

module.exports = { certificatesIn, makeCertificates }
