import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, startEmulator } from '@countersign/emulator'
import { askToken, authorizePaths, createPkce, type Form, ids, openPage, sendForm } from './support.js'

/*
 * `resource` on the v2.0 endpoint, as MCP clients send it (RFC 8707). What works is documented by Microsoft (2026-09);
 * the refusals are those of reports since 2026-01 (AADSTS9010010 at authorize, token and refresh).
 */

const clientId = '66666666-0000-4000-8000-000000000001'
const url = 'https://mcp.contoso.example/mcp'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator({
    registration: {
      tenants: [
        {
          id: ids.contoso,
          domains: ['contoso.example'],
          users: [{ userPrincipalName: 'alice@contoso.example' }],
          oauth2PermissionGrants: [
            { clientId: 'client', resourceId: 'server', scope: 'Tool.Read' },
            { clientId: 'client', resourceId: 'other', scope: 'Tool.Read' },
          ],
        },
      ],
      applications: [
        { appId: clientId, displayName: 'client', publicClient: { redirectUris: ['http://localhost'] } },
        {
          displayName: 'server',
          identifierUris: [url, 'api://server'],
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Tool.Read' }] },
        },
        {
          displayName: 'other',
          identifierUris: ['api://other'],
          api: { oauth2PermissionScopes: [{ value: 'Tool.Read' }] },
        },
      ],
    },
  })
})
afterAll(() => emulator.stop())

interface Outcome {
  readonly at: 'authorize' | 'token'
  readonly code: number | undefined
}

const redirectUri = 'http://localhost:51234'

/** A sign-in with a resource, and the redemption of its code; where it ends, and how. */
async function signInWith(
  fields: Form,
  atToken: Form = {},
): Promise<Outcome & { readonly refresh?: string }> {
  const pkce = createPkce()
  const page = await openPage(emulator, `/${ids.contoso}${authorizePaths['2.0']}`, {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...fields,
  })
  const codeOf = (description: string | null): number => Number(/^AADSTS(\d+):/.exec(description ?? '')?.[1])
  const refused = page.location?.searchParams.get('error_description')
  if (refused !== undefined) return { at: 'authorize', code: codeOf(refused) }
  const done = await sendForm(emulator, page, { user: 'alice@contoso.example' })
  const code = done.location?.searchParams.get('code') ?? undefined
  if (code === undefined) {
    return { at: 'authorize', code: codeOf(done.location?.searchParams.get('error_description') ?? null) }
  }
  const { status, body } = await askToken(emulator, {
    grant_type: 'authorization_code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code,
    code_verifier: pkce.verifier,
    ...atToken,
  })
  const [first] = (body['error_codes'] ?? []) as number[]
  return { at: 'token', code: status === 200 ? undefined : first, refresh: String(body['refresh_token']) }
}

describe('a sign-in for the scopes', () => {
  test.each<[string, string, string, Outcome]>([
    [`${url}/Tool.Read`, 'none', 'it works', { at: 'token', code: undefined }],
    [`${url}/Tool.Read`, url, 'it works', { at: 'token', code: undefined }],
    [
      'api://server/Tool.Read',
      url,
      'it works, by another URI of the same API',
      { at: 'token', code: undefined },
    ],
    [
      'api://server/Tool.Read',
      'https://mcp.contoso.example/other',
      'a URI nobody registered',
      { at: 'authorize', code: 9010010 },
    ],
    ['api://server/Tool.Read', 'api://other', 'another API', { at: 'authorize', code: 9010010 }],
    [`${url}/Tool.Read`, `${url}/`, 'a slash too many', { at: 'authorize', code: 9010010 }],
    ['Tool.Read', url, 'a bare scope is one of Graph', { at: 'authorize', code: 9010010 }],
    ['openid profile', url, 'sign-in scopes are scopes of Graph', { at: 'authorize', code: 9010010 }],
    ['Tool.Read', 'none', 'Graph has no such scope', { at: 'authorize', code: 650053 }],
    ['', url, 'no scope at all', { at: 'authorize', code: 900144 }],
  ])('%s, with the resource %s: %s', async (scope, resource, _, expected) => {
    const { at, code } = await signInWith({ scope, ...(resource === 'none' ? {} : { resource }) })
    expect({ at, code }).toEqual(expected)
  })
})

test('a resource that does not fit is refused at the token endpoint as well, and at a refresh', async () => {
  const scope = `offline_access ${url}/Tool.Read`
  expect(await signInWith({ scope, resource: url }, { resource: `${url}/` })).toMatchObject({
    at: 'token',
    code: 9010010,
  })
  const { refresh = '' } = await signInWith({ scope, resource: url }, { resource: url })
  const again = (resource: string): ReturnType<typeof askToken> =>
    askToken(emulator, {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: refresh,
      scope,
      resource,
    })
  expect((await again(url)).status).toBe(200)
  const refused = await again(`${url}/`)
  expect([refused.status, refused.body['error'], refused.body['error_codes']]).toEqual([
    400,
    'invalid_target',
    [9010010],
  ])
})
