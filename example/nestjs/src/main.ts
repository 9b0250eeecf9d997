// Nest with express-session: counts your visits, logs you in and out. The store is a provider, which Nest closes.
// npm run build && SESSION_SECRET=… MONGO_URL=mongodb://… npm start
import { promisify } from 'node:util'
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Module,
  type OnApplicationShutdown,
  Post,
  Req,
  Session,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import MongoStore from 'connect-mongo-native'
import type { Request } from 'express'
import session, { type SessionData, type Session as UserSession } from 'express-session'

declare module 'express-session' {
  interface SessionData {
    views: number
    user: string
  }
}

const { MONGO_URL = 'mongodb://localhost/my-app', PORT = '3000', SESSION_SECRET } = process.env
if (!SESSION_SECRET) throw new Error('Set SESSION_SECRET')

@Controller()
class AppController {
  @Get()
  count(@Session() session: Partial<SessionData>) {
    session.views = (session.views ?? 0) + 1
    return { user: session.user, views: session.views }
  }

  @Post('login')
  @HttpCode(200)
  async logIn(@Req() req: Request, @Body() body: { user: string }) {
    // A new id at log-in: one that somebody planted in this browser beforehand must not become a logged-in one.
    await promisify(req.session.regenerate).call(req.session)
    req.session.user = String(body.user)
    return { user: req.session.user }
  }

  @Post('logout')
  @HttpCode(200)
  async logOut(@Session() session: UserSession) {
    await promisify(session.destroy).call(session)
    return {}
  }
}

@Module({
  controllers: [AppController],
  providers: [{ provide: MongoStore, useFactory: () => MongoStore.create({ mongoUrl: MONGO_URL }) }],
})
class AppModule implements OnApplicationShutdown {
  constructor(@Inject(MongoStore) private readonly store: MongoStore) {}

  // The server is closed by then.
  async onApplicationShutdown() {
    await this.store.close()
  }
}

const app = await NestFactory.create(AppModule)
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    store: app.get(MongoStore),
    cookie: { sameSite: 'lax', secure: 'auto', maxAge: 7 * 24 * 60 * 60 * 1000 },
  })
)
// Without the option Nest ends the process by the same signal once more, and its exit code is not 0.
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true })
await app.listen(PORT)
console.log(`http://localhost:${PORT}`)
