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
      ['credentials_missing', undefined, () => []],
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

    it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('answers %s for them with 405', async (method) => {
      const answer = await sendRequest(api.origin, { method, path, body: '' })
      expect(answer.status).toBe(405)
      expect(answer.header('allow')).toEqual(['GET, HEAD'])
      expect(answer.body).toBe('')
    })

    it.each(['/.well-known/oauth-protected-resource', `${path}/`, `/x${path}`, path.toUpperCase()])(
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
