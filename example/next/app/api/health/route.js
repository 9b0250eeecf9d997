import MongoStore from 'connect-mongo-native'
import { openStore } from '../../../lib/store'

export const dynamic = 'force-dynamic'

export async function GET() {
  await openStore().ping()
  return Response.json({ binding: MongoStore.binding })
}
