/** @type {import('next').NextConfig} */
module.exports = {
  // A native binding is not for bundlers.
  serverExternalPackages: ['connect-mongo-native'],
}
