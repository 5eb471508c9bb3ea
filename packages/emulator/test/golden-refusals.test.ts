import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, type Registration, startEmulator } from '@countersign/emulator'
import {
  type Answer,
  askToken,
  contoso,
  createPkce,
  fabrikam,
  type Form,
  ids,
  nativeRedirectUri,
  openPage,
  registration,
  secrets,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
} from './support.js'

/*
 * Refusals as they were seen live, each with where and when. A part that the source does not show is not compared.
 */

interface Seen {
  readonly subject: string
  readonly where: string
  readonly date: string
  readonly code: number
  readonly error?: string
  readonly status?: number
  /** The text after the code. */
  readonly text?: RegExp
  readonly provoke: () => Promise<Answer>
}

const withPrincipals: Registration = {
  tenants: registration.tenants.map((tenant, index) =>
    index > 0
      ? tenant
      : {
          ...tenant,
          servicePrincipals: [
            { appId: 'guarded', appRoleAssignmentRequired: true },
            { appId: 'off-api', accountEnabled: false },
            { appId: 'off', accountEnabled: false },
          ],
          oauth2PermissionGrants: [
            ...('oauth2PermissionGrants' in tenant ? tenant.oauth2PermissionGrants : []),
            { clientId: 'own', resourceId: 'own', scope: 'Things.Read' },
          ],
        },
  ),
  applications: [
    ...registration.applications,
    {
      displayName: 'off',
      passwordCredentials: [{ secretText: 'test-value-off' }],
      publicClient: { redirectUris: ['http://localhost'] },
    },
    { displayName: 'off-api', identifierUris: ['api://off-api'] },
    {
      displayName: 'own',
      identifierUris: ['api://own'],
      publicClient: { redirectUris: ['http://localhost'] },
      api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
    },
  ],
}

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator({ registration: withPrincipals, clock: fixedClock(start) })
})
afterAll(() => emulator.stop())

const appIdOf = async (name: string): Promise<string> => {
  const html = await (await fetch(`${emulator.origin}/_/apps`)).text()
  return new RegExp(`/_/apps/([^"]+)"><bdi>${name}<`).exec(html)?.[1] ?? ''
}

const daemon = (changes: Form = {}, tenant: string = ids.contoso): Promise<Answer> =>
  askToken(
    emulator,
    {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
      ...changes,
    },
    { tenant },
  )

const redeem = (changes: Form): Promise<Answer> =>
  askToken(emulator, {
    grant_type: 'authorization_code',
    client_id: ids.native,
    redirect_uri: nativeRedirectUri,
    ...changes,
  })

/** A user signs in to an application that is an API itself, and the application refreshes. */
async function refreshOfItself(identifier: string, scope?: string): Promise<Answer> {
  const clientId = await appIdOf('own')
  const prefix = identifier === 'appId' ? clientId : identifier
  const asked = { client_id: clientId, scope: `offline_access ${prefix}/Things.Read` }
  const pkce = createPkce()
  const page = await signIn(emulator, { pkce, query: asked })
  const { body } = await redeem({
    client_id: clientId,
    code: page.location?.searchParams.get('code') ?? '',
    code_verifier: pkce.verifier,
  })
  return askToken(emulator, {
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: String(body['refresh_token']),
    ...(scope === undefined ? {} : { scope }),
  })
}

const seen: readonly Seen[] = [
  {
    subject: 'a daemon of a multi-tenant application in a tenant without its service principal',
    where: 'azure-sdk-for-net 46762, Commercial-Marketplace-SaaS-Accelerator 830',
    date: '2025-06-09',
    code: 7000229,
    error: 'invalid_client',
    text: new RegExp(
      `^The client application ${ids.fleet} is missing service principal in the tenant ${ids.fabrikam}\\. See instructions here: https://`,
    ),
    provoke: () => daemon({ client_id: ids.fleet, client_secret: 'test-value-fleet' }, ids.fabrikam),
  },
  {
    subject: 'a daemon of an application of one tenant, in another tenant',
    where: 'azure-powershell 9156',
    date: '2019-05-08',
    code: 700016,
    provoke: () => daemon({}, ids.fabrikam),
  },
  {
    subject: 'a client whose service principal is disabled',
    where: 'psoxy 74, azure-docs 28469',
    date: '2022-04-14',
    code: 7000112,
    error: 'unauthorized_client',
    text: /^Application '[\w-]{36}'\(off\) is disabled\./,
    provoke: async () => daemon({ client_id: await appIdOf('off'), client_secret: 'test-value-off' }),
  },
  {
    subject: 'an API whose service principal is disabled',
    where: 'msal-dotnet 3150 and 4905',
    date: '2024-08-22',
    code: 500014,
    text: /^The service principal for resource 'api:\/\/off-api' is disabled\. /,
    provoke: () => daemon({ scope: 'api://off-api/.default' }),
  },
  {
    subject: 'an authorization code that is none',
    where: 'dnn.azureadprovider 112',
    date: '2024-10-03',
    code: 9002313,
    error: 'invalid_grant',
    status: 400,
    provoke: () => redeem({ code: 'made-up' }),
  },
  {
    subject: 'a refresh token that is none',
    where: 'azure-docs 63819',
    date: '2020-10-05',
    code: 9002313,
    error: 'invalid_grant',
    status: 400,
    provoke: () =>
      askToken(emulator, { grant_type: 'refresh_token', client_id: ids.native, refresh_token: 'made-up' }),
  },
  {
    subject: 'a code with a challenge, redeemed without a verifier',
    where: 'django-allauth 2916, msal-js 7649',
    date: '2025-03-19',
    code: 50148,
    error: 'invalid_grant',
    text: /^The code_verifier does not match the code_challenge supplied in the authorization request for PKCE\./,
    provoke: async () => redeem({ code: (await signIn(emulator)).location?.searchParams.get('code') ?? '' }),
  },
  {
    subject: 'a refresh without scope, for the client itself by its URI',
    where: 'DuendeArchive/IdentityModel 528, ms-identity-msal-java-samples 43',
    date: '2023-09-28',
    code: 90009,
    error: 'invalid_request',
    status: 400,
    text: /^Application '[\w-]{36}'\(own\) is requesting a token for itself\./,
    provoke: () => refreshOfItself('api://own'),
  },
  {
    subject: 'a client id that is no GUID, as in a sample that was not filled in',
    where: 'msgraph-sdk-dotnet 454',
    date: 'not known',
    code: 700016,
    error: 'unauthorized_client',
    status: 400,
    text: /^Application with identifier 'ENTER_YOUR_CLIENT_ID' was not found in the directory /,
    provoke: () => daemon({ client_id: 'ENTER_YOUR_CLIENT_ID' }),
  },
]

describe('a refusal is as it was seen live', () => {
  test.each(seen)('$subject ($where, $date)', async ({ code, error, status, text, provoke }) => {
    const answer = await provoke()
    expect(answer.body['error_codes']).toEqual([code])
    if (error !== undefined) expect(answer.body['error']).toBe(error)
    if (status !== undefined) expect(answer.status).toBe(status)
    const description = String(answer.body['error_description'])
    expect(description.startsWith(`AADSTS${code}: `)).toBe(true)
    if (text !== undefined) expect(description.slice(`AADSTS${code}: `.length)).toMatch(text)
    expect(answer.body['access_token']).toBeUndefined()
  })
})

test('a refresh for the client itself is answered when a scope is sent, or when it was asked for by its GUID', async () => {
  expect((await refreshOfItself('api://own', 'api://own/Things.Read')).status).toBe(200)
  expect((await refreshOfItself('appId')).status).toBe(200)
})

test('a user sees on a page that the application is disabled, and no code is sent', async () => {
  const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
    client_id: await appIdOf('off'),
    response_type: 'code',
    redirect_uri: nativeRedirectUri,
    scope: 'openid',
  })
  expect([page.status, page.location]).toEqual([400, undefined])
  expect(page.html).toContain('AADSTS7000112: Application')
})

test('a multi-tenant application that a tenant disabled is refused after its user is known', async () => {
  await using own = await startEmulator({
    registration: {
      tenants: [contoso, { ...fabrikam, servicePrincipals: [{ appId: 'fleet', accountEnabled: false }] }],
      applications: registration.applications,
    },
  })
  const page = await openPage(own, '/organizations/oauth2/v2.0/authorize', {
    client_id: ids.fleet,
    response_type: 'code',
    redirect_uri: 'http://localhost/consented',
    scope: 'openid',
  })
  const refused = await sendForm(own, page, { user: 'dan@fabrikam.example' })
  expect([refused.status, refused.location]).toEqual([400, undefined])
  expect(refused.html).toContain('AADSTS7000112: Application')
  expect((await signInAndRedeem(own)).status).toBe(200)
})
