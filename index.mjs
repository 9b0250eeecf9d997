import MongoStore from './index.js'

export default MongoStore
export { MongoStore }
