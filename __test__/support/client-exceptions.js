// What the differential tests say of connect-mongo-native that a store with a client of the app's own does not keep, each
// with its reason. Everything else holds on both backends.
'use strict'

/** By the title of the test, or its end. @type {Record<string, string>} */
const CLIENT_EXCEPTIONS = {
  'a session is stored as it was when set was called, with stringify false too':
    'the driver makes the BSON itself when it sends the update, as under connect-mongo',
  'a writeOperationOptions that is wrong': 'the driver judges it at each write, as under connect-mongo',
  'the new name of an option goes before the old one': 'it is about two addresses, and here there is none',
  'mongoUrl goes before clientPromise and client': 'there is no mongoUrl here',
  'in mongoOptions is accepted in silence': 'the options are the client’s, and its driver refuses this one',
  'an option of the Node driver that Rust has not got': 'the options are the client’s',
  'the class called with express-session, as in connect-mongo 3': 'it is about the package',
  'a session of more than the driver has room for': 'the driver makes the BSON itself',
  'while there is no primary for some attempts': 'the JavaScript driver repeats a command once',
  'gives the class': 'it is about the package and makes no store of its own',
}

/** @param {string} title @returns {boolean} */
function isClientException(title) {
  const withoutDifference = title.replace(/ \([-a-z]+\)$/, '')
  return Object.keys(CLIENT_EXCEPTIONS).some((ending) => withoutDifference.endsWith(ending))
}

module.exports = { CLIENT_EXCEPTIONS, isClientException }
