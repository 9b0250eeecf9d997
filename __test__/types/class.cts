// Holds the class against index.d.ts: what one has of methods, options and events, the other has too. This file is compiled within
// this repository, not as an app would.
import type Public = require('../../index.js')

import type { EventName } from '../../lib/store/events.js'
import type { MongoStore } from '../../lib/store/mongo-store.js'
import type { DEFAULTS } from '../../lib/store/options.js'

type Class = typeof MongoStore
type Store = InstanceType<Class>

/** `true`, or what only one of them has. */
type Same<One, Other> = [One, Other] extends [Other, One] ? true : Exclude<One, Other> | Exclude<Other, One>

type StringKeys<T> = Extract<keyof T, string>
type Methods = Extract<StringKeys<Store>, StringKeys<Public>>

/** The methods that would not take what their types allow. */
type Narrower = {
  [Name in Methods]: Store[Name] extends (...args: infer Taken) => unknown
    ? Public[Name] extends (...args: infer Allowed) => unknown
      ? Allowed extends Taken
        ? never
        : Name
      : never
    : never
}[Methods]

export const members: Same<StringKeys<Store>, StringKeys<Public>> = true
export const parameters: Same<Narrower, never> = true
export const ofTheClass: Same<
  StringKeys<Class>,
  Exclude<
    StringKeys<typeof Public>,
    'MongoStore' | 'default' | 'createKrupteinAdapter' | 'createWebCryptoAdapter'
  >
> = true
export const options: Same<
  keyof typeof DEFAULTS,
  Exclude<keyof Public.ConnectMongoOptions, 'createAutoRemoveIdx'>
> = true
export const events: Same<EventName, keyof Public.Events> = true
