import Koa from 'koa'
import Koa2 from 'koa2'
import Koa2Floor from 'koa2-floor'
import Koa3Floor from 'koa3-floor'

/** The newest of each major, and the oldest that is supported. */
export const koaVersions: readonly (readonly [name: string, App: typeof Koa])[] = [
  ['Koa 3', Koa],
  ['Koa 3.0.0', Koa3Floor],
  ['Koa 2', Koa2],
  ['Koa 2.15.0', Koa2Floor],
]
