import {
  codeUnder,
  describeMigration,
  readDocument,
  runCode,
  setupOptions,
  startIssuer,
} from '@countersign/test-fixtures'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import * as adapter from '../src/index.js'
import { bearerAuth } from '../src/index.js'

const folder = new URL('./', import.meta.url)

describe('the recipe for errors', () => {
  it.each([
    [
      '## Fastify',
      'jsonErrors',
      'application/json',
      { error: 'invalid_token', error_description: 'The token is malformed' },
    ],
    [
      '## Fastify, problem details',
      'problemDetails',
      'application/problem+json',
      { title: 'Unauthorized', status: 401, detail: 'The token is malformed', error: 'invalid_token' },
    ],
  ])(
    'answers under %s in its own shape, and does not change other errors',
    async (heading, name, type, body) => {
      await using issuer = await startIssuer()
      const recipe = codeUnder(heading, await readDocument('docs/recipes/json-errors.md'))
      const app = Fastify()
      app.setErrorHandler((await runCode(recipe, folder))[name] as () => unknown)
      app.get('/crash', async () => {
        throw Object.assign(new Error('teapot'), { statusCode: 418 })
      })
      app.register(async (scope) => {
        await scope.register(bearerAuth, setupOptions(adapter, { setup: 'entra' }, issuer))
        scope.get('/', async () => 'done')
      })
      const answer = await app.inject({ url: '/', headers: { authorization: 'Bearer x' } })
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer error=/)
      expect(answer.headers['content-type']).toMatch(type)
      expect(answer.json()).toEqual(body)
      const bare = await app.inject({ url: '/' })
      expect(bare.headers['www-authenticate']).toBe('Bearer')
      expect(bare.json()).not.toHaveProperty('error')
      expect((await app.inject({ url: '/crash' })).statusCode).toBe(418)
      await app.close()
    },
  )
})

const common = {
  adapter: '@countersign/fastify',
  folder,
  listening: [
    'await app.listen({ port: 3000 })',
    "export const started = { origin: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }",
  ],
  from: 'generic',
} as const

describeMigration({
  ...common,
  guide: 'fastify-jwt',
  options: [
    'secret',
    'sign',
    'jwtSign',
    'verify',
    'trusted',
    'formatUser',
    'decoratorName',
    'namespace',
    'jwtVerify',
    'jwtDecode',
    'messages',
    'decode',
    'cookie',
    'extractToken',
    'onlyCookie',
    'algorithms',
    'complete',
    'cache',
    'cacheTTL',
    'errorCacheTTL',
    'cacheKeyBuilder',
    'allowedJti',
    'allowedAud',
    'allowedIss',
    'allowedSub',
    'allowedNonce',
    'ignoreExpiration',
    'ignoreNotBefore',
    'maxAge',
    'clockTimestamp',
    'clockTolerance',
    'requiredClaims',
    'checkTyp',
    'allowedCritHeaders',
    'max',
    'ttl',
    'issuersWhitelist',
    'checkIssuer',
    'allowedDomains',
    'timeout',
    'providerDiscovery',
    'jwksPath',
    'fetchOptions',
  ],
})

describeMigration({
  ...common,
  guide: 'fastify-jwt-jwks',
  options: [
    'jwksUrl',
    'audience',
    'issuer',
    'secret',
    'complete',
    'secretsTtl',
    'cookie',
    'namespace',
    'decoratorName',
    'formatUser',
  ],
})
