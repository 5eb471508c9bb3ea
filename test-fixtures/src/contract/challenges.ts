import { beforeAll, describe, expect, it } from 'vitest'
import { sendRequest } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** RFC 9728 section 5.1: the challenge names the metadata of this resource. */
export function describeChallenges<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handle } = contract
  const path = '/.well-known/oauth-protected-resource/v1'
  const resource_metadata = `https://files.example${path}`

  describe('where the API publishes its metadata', () => {
    let api: RunningApi

    beforeAll(async () => {
      api = await contract.start(
        {
          ...setupOptions(adapter, { setup: 'entra' }, contract.issuer()),
          allowAnonymous: true,
          resourceMetadata: resource_metadata,
        },
        [
          { path: '/', handle },
          { path: '/guarded', permission: { delegated: { scopes: 'Files.Delete' } }, handle },
        ],
        {
          resource: 'https://files.example/v1',
          authorizationServers: [contract.issuer().origin],
          scopesSupported: [],
        },
      )
    })

    it.each([
      // A guard tells a caller who has no token yet what to ask for.
      ['credentials_missing', 'Files.Delete', () => []],
      ['authorization_malformed', undefined, () => ['Bearer']],
      ['token_malformed', undefined, () => ['Bearer not-a-token']],
      ['scope_insufficient', 'Files.Delete', () => [`Bearer ${tokenWith()}`]],
    ] as const)('names them in the challenge of %s', async (code, scope, make) => {
      await expectRefusal(
        contract,
        () => sendRequest(api.origin, { path: '/guarded', authorization: make() }),
        code,
        { scope, resource_metadata },
      )
    })

    it.each([path, `${path}?fresh=1`])(
      'serves them at %s without a token, and with any token',
      async (at) => {
        for (const authorization of [[], ['Bearer not-a-token']]) {
          const answer = await sendRequest(api.origin, { path: at, authorization })
          expect(answer.status).toBe(200)
          expect(answer.header('content-type')).toEqual([expect.stringMatching(/^application\/json\b/)])
          expect(answer.header('cache-control')).toEqual(['public, max-age=3600'])
          expect(JSON.parse(answer.body)).toEqual({
            resource: 'https://files.example/v1',
            authorization_servers: [contract.issuer().origin],
            bearer_methods_supported: ['header'],
          })
        }
      },
    )

    it('answers HEAD for them without a body', async () => {
      const answer = await sendRequest(api.origin, { method: 'HEAD', path })
      expect(answer.status).toBe(200)
      expect(answer.body).toBe('')
    })

    it.each(['POST', 'PUT', 'DELETE'])('answers %s for them with 405', async (method) => {
      const answer = await sendRequest(api.origin, { method, path, body: '' })
      expect(answer.status).toBe(405)
      expect(answer.header('allow')).toEqual(['GET, HEAD, OPTIONS'])
      expect(answer.body).toBe('')
    })

    it('lets pages of any origin read them, after the preflight that browsers send first', async () => {
      const headers = { Origin: 'https://inspector.example', 'Access-Control-Request-Method': 'GET' }
      const preflight = await sendRequest(api.origin, { method: 'OPTIONS', path, headers })
      expect(preflight.status).toBe(204)
      expect(preflight.header('access-control-allow-origin')).toEqual(['*'])
      expect(preflight.header('access-control-allow-headers')).toEqual(['*'])
      expect(preflight.header('access-control-allow-methods')).toEqual(['GET, HEAD, OPTIONS'])
      expect(preflight.body).toBe('')
      const answer = await sendRequest(api.origin, { path, headers })
      expect(answer.header('access-control-allow-origin')).toEqual(['*'])
    })

    it('serves them with a slash at the end too, and at the root only where that is configured', async () => {
      expect((await sendRequest(api.origin, { path: `${path}/` })).status).toBe(200)
      const both = await contract.start(
        setupOptions(adapter, { setup: 'entra' }, contract.issuer()),
        undefined,
        { resource: 'https://files.example/v1', alsoAtRoot: true },
      )
      for (const at of ['/.well-known/oauth-protected-resource', path]) {
        const answer = await sendRequest(both.origin, { path: at })
        expect(JSON.parse(answer.body)).toMatchObject({ resource: 'https://files.example/v1' })
      }
    })

    it.each(['/.well-known/oauth-protected-resource', `${path}//`, `/x${path}`, path.toUpperCase()])(
      'does not serve them at %s',
      async (at) => {
        const authorization = ['Bearer not-a-token']
        await expectRefusal(
          contract,
          () => sendRequest(api.origin, { path: at, authorization }),
          'token_malformed',
          { resource_metadata },
        )
      },
    )
  })
}
