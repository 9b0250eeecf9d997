import MongoStore from './index.js'

const { createKrupteinAdapter, createWebCryptoAdapter } = MongoStore

export default MongoStore
export { createKrupteinAdapter, createWebCryptoAdapter, MongoStore }
