import {
  apiClientId,
  codeUnder,
  describeMigration,
  readDocument,
  runCode,
  sendRequest,
  setupOptions,
  startIssuer,
  tenantId,
  tokenForToday,
  userObjectId,
} from '@countersign/test-fixtures'
import express, { type ErrorRequestHandler } from 'express'
import { describe, expect, it } from 'vitest'
import * as adapter from '../src/index.js'
import { bearerAuth } from '../src/index.js'
import { listen } from './harness.js'

const folder = new URL('./', import.meta.url)

describe('the recipe for errors', () => {
  it.each([
    [
      '## Express',
      'jsonErrors',
      'application/json',
      { error: 'invalid_token', error_description: 'The token is malformed' },
    ],
    [
      '## Express, problem details',
      'problemDetails',
      'application/problem+json',
      { title: 'Unauthorized', status: 401, detail: 'The token is malformed', error: 'invalid_token' },
    ],
  ])(
    'answers under %s in its own shape, and does not change other errors',
    async (heading, name, type, body) => {
      await using issuer = await startIssuer()
      const recipe = codeUnder(heading, await readDocument('docs/recipes/json-errors.md'))
      const handler = (await runCode(recipe, folder))[name] as ErrorRequestHandler
      const app = express()
      app.get('/crash', () => {
        throw Object.assign(new Error('teapot'), { status: 418 })
      })
      app.use(bearerAuth(setupOptions(adapter, { setup: 'entra' }, issuer)))
      app.use(handler)
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

describe('the first lines of the README', () => {
  it('protect a route', async () => {
    await using issuer = await startIssuer()
    const code = codeUnder('# Countersign', `\n${await readDocument('README.md')}`)
    const { started } = await runCode(code, folder, {
      "{ tenantId: 'contoso.com', clientId: '<your API>' }": JSON.stringify({
        tenantId,
        clientId: apiClientId,
        cloud: issuer.cloud,
      }),
      'app.listen(3000)': "export const started = await (await import('./harness.js')).listen(app)",
    })
    const api = started as Awaited<ReturnType<typeof listen>>
    const ask = async (token?: string): Promise<[number, string]> => {
      const authorization = token === undefined ? [] : [`Bearer ${token}`]
      const { status, body } = await sendRequest(api.origin, { path: '/orders', authorization })
      return [status, body]
    }
    try {
      const scp = 'Orders.Read'
      expect(await ask(tokenForToday({ claims: { scp } }))).toEqual([
        200,
        JSON.stringify({ for: userObjectId }),
      ])
      expect((await ask())[0]).toBe(401)
      expect((await ask(tokenForToday({ claims: { scp, aud: 'https://other.example' } })))[0]).toBe(401)
      expect((await ask(tokenForToday({ claims: { scp: 'Orders.Write' } })))[0]).toBe(403)
    } finally {
      await api.stop()
    }
  })
})

const listening = [
  'app.listen(3000)',
  "export const started = await (await import('./harness.js')).listen(app)",
] as const
const common = { adapter: '@countersign/express', folder, listening }
const verify = [
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
]

describeMigration({
  ...common,
  guide: 'passport-azure-ad',
  from: 'v2Delegated',
  options: [
    'clientID',
    'validateIssuer',
    'audience',
    'allowMultiAudiencesInToken',
    'issuer',
    'isB2C',
    'policyName',
    'scope',
    'clockSkew',
    'ignoreExpiration',
    'tenantIdOrName',
    'passReqToCallback',
    'loggingLevel',
    'loggingNoPII',
  ],
})

describeMigration({
  ...common,
  guide: 'express-oauth2-jwt-bearer',
  from: 'generic',
  options: [
    'issuerBaseURL',
    'ISSUER_BASE_URL',
    'ISSUER',
    'JWKS_URI',
    'AUDIENCE',
    'SECRET',
    'TOKEN_SIGNING_ALG',
    'issuer',
    'jwksUri',
    'audience',
    'secret',
    'publicKey',
    'tokenSigningAlg',
    'authRequired',
    'clockTolerance',
    'maxTokenAge',
    'strict',
    'validators',
    'agent',
    'cacheMaxAge',
    'cooldownDuration',
    'timeoutDuration',
    'cache',
    'mcd',
    'dpop',
    'mtls',
    'getCertificate',
    'requiredScopes',
    'scopeIncludesAny',
    'claimEquals',
    'claimIncludes',
    'claimCheck',
  ],
})

describeMigration({
  ...common,
  guide: 'express-jwt',
  from: 'generic',
  options: [
    'secret',
    ...verify,
    'credentialsRequired',
    'getToken',
    'isRevoked',
    'requestProperty',
    'onExpired',
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
