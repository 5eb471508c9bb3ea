import {
  codeUnder,
  describeMigration,
  readDocument,
  runCode,
  sendRequest,
  setupOptions,
  startIssuer,
} from '@countersign/test-fixtures'
import Koa, { type Middleware } from 'koa'
import { describe, expect, it } from 'vitest'
import * as adapter from '../src/index.js'
import { bearerAuth } from '../src/index.js'
import { listen } from './harness.js'

const folder = new URL('./', import.meta.url)

describe('the recipe for errors', () => {
  it.each([
    [
      '## Koa',
      'jsonErrors',
      'application/json',
      { error: 'invalid_token', error_description: 'The token is malformed' },
    ],
    [
      '## Koa, problem details',
      'problemDetails',
      'application/problem+json',
      { title: 'Unauthorized', status: 401, detail: 'The token is malformed', error: 'invalid_token' },
    ],
  ])(
    'answers under %s in its own shape, and does not change other errors',
    async (heading, name, type, body) => {
      await using issuer = await startIssuer()
      const recipe = codeUnder(heading, await readDocument('docs/recipes/json-errors.md'))
      const app = new Koa()
      app.on('error', () => {})
      app.use((await runCode(recipe, folder))[name] as Middleware)
      app.use((context, next) => (context.path === '/crash' ? context.throw(418, 'teapot') : next()))
      app.use(bearerAuth(setupOptions(adapter, { setup: 'entra' }, issuer)))
      const api = await listen(app)
      try {
        const answer = await sendRequest(api.origin, { authorization: ['Bearer x'] })
        expect(answer.status).toBe(401)
        expect(answer.header('www-authenticate')).toHaveLength(1)
        expect(answer.header('content-type')[0]).toMatch(type)
        expect(JSON.parse(answer.body)).toEqual(body)
        const bare = await sendRequest(api.origin)
        expect(bare.header('www-authenticate')).toEqual(['Bearer'])
        expect(JSON.parse(bare.body)).not.toHaveProperty('error')
        expect((await sendRequest(api.origin, { path: '/crash' })).status).toBe(418)
      } finally {
        await api.stop()
      }
    },
  )
})

describeMigration({
  guide: 'koa-jwt',
  adapter: '@countersign/koa',
  folder,
  listening: [
    'app.listen(3000)',
    "app.silent = true\nexport const started = await (await import('./harness.js')).listen(app)",
  ],
  from: 'generic',
  options: [
    'secret',
    'audience',
    'issuer',
    'algorithms',
    'clockTolerance',
    'clockTimestamp',
    'maxAge',
    'complete',
    'ignoreExpiration',
    'ignoreNotBefore',
    'jwtid',
    'subject',
    'nonce',
    'allowInvalidAsymmetricKeyTypes',
    'key',
    'tokenKey',
    'passthrough',
    'originalError',
    'jwtOriginalError',
    'getToken',
    'cookie',
    'isRevoked',
    'debug',
    'jwksUri',
    'cacheMaxAge',
    'cacheMaxEntries',
    'cacheMaxAgeFallback',
    'onStaleCacheFallback',
    'rateLimit',
    'jwksRequestsPerMinute',
    'timeout',
    'proxy',
    'requestAgent',
    'requestHeaders',
    'fetcher',
    'getKeysInterceptor',
    'handleSigningKeyError',
  ],
})
