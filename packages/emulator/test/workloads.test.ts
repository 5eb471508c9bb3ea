import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPairSync } from 'node:crypto'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Emulator, fixedClock, startEmulator } from '@countersign/emulator'
import { askToken, contoso, fabrikam, ids, refusal, registration, start, verified } from './support.js'

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
const identityId = '77777777-0000-4000-8000-000000000001'

/** Another issuer, as real as it gets on one machine: its document and keys over HTTP. */
const issuerServer = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  if (request.url === '/.well-known/openid-configuration') {
    response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }))
  } else if (request.url === '/keys') {
    void exportJWK(keys.publicKey).then((jwk) =>
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'k', alg: 'RS256' }] })),
    )
  } else {
    response.statusCode = 404
    response.end('{}')
  }
})
let issuer = ''
let emulator: Emulator

beforeAll(async () => {
  await new Promise<void>((resolve) => issuerServer.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`
  const audiences = ['api://AzureADTokenExchange']
  emulator = await startEmulator({
    clock: fixedClock(start),
    registration: {
      tenants: [
        {
          ...contoso,
          managedIdentities: [
            { displayName: 'machine', type: 'systemAssigned' },
            { displayName: 'worker', appId: identityId },
          ],
          appRoleAssignments: [
            ...contoso.appRoleAssignments,
            { principalId: 'worker', resourceId: 'v2', appRoleId: 'Things.Read.All' },
          ],
        },
        fabrikam,
      ],
      applications: registration.applications.map((application) =>
        application.displayName === 'daemon'
          ? {
              ...application,
              federatedIdentityCredentials: [
                { issuer, subject: 'repo:contoso/app:ref:refs/heads/main', audiences },
                {
                  issuer,
                  claimsMatchingExpression: {
                    value:
                      "claims['sub'] matches 'repo:contoso/*:environment:prod' and claims['job'] eq 'deploy'",
                    languageVersion: 1 as const,
                  },
                  audiences,
                },
              ],
            }
          : application,
      ),
    },
  })
})
afterAll(async () => {
  await emulator.stop()
  await new Promise((resolve) => issuerServer.close(resolve))
})

const good = {
  iss: '',
  sub: 'repo:contoso/app:ref:refs/heads/main',
  aud: 'api://AzureADTokenExchange',
  exp: start + 300,
}

async function present(claims: object, key = keys.privateKey): ReturnType<typeof askToken> {
  const assertion = await new SignJWT({ ...good, iss: issuer, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .sign(key)
  return askToken(emulator, {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    scope: 'api://v2/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
}

describe('a federated credential', () => {
  test("is accepted in place of the client's own, verified with the keys its issuer publishes", async () => {
    const { status, body } = await present({})
    expect(status).toBe(200)
    expect((await verified(emulator, body['access_token'])).claims).toMatchObject({
      azp: ids.daemon,
      azpacr: '2',
    })
  })

  test('may name its subject by an expression', async () => {
    const sub = 'repo:contoso/other:environment:prod'
    expect((await present({ sub, job: 'deploy' })).status).toBe(200)
    expect(refusal(await present({ sub, job: 'test' })).code).toBe(700213)
    expect(refusal(await present({ sub: `${sub}x`, job: 'deploy' })).code).toBe(700213)
  })

  test.each([
    ['another issuer', { iss: 'https://other.example' }, 700211],
    ['a slash more in the issuer', { iss: 'slash' }, 700211],
    ['another audience', { aud: 'api://azureadtokenexchange' }, 700212],
    ['another subject', { sub: 'repo:contoso/app:ref:refs/heads/Main' }, 700213],
    // Azure/login 180, azure-workload-identity 693.
    ['an end in the past', { exp: start }, 700024],
    ['a start in the future', { nbf: start + 60 }, 700024],
    ['no end', { exp: undefined }, 700027],
  ])('is refused with %s: invalid_client, AADSTS%i', async (_, changes, code) => {
    const claims = 'iss' in changes && changes.iss === 'slash' ? { iss: `${issuer}/` } : changes
    expect(refusal(await present(claims))).toEqual({ status: 401, error: 'invalid_client', code })
  })

  test('is refused with the signature of another key', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(refusal(await present({}, other.privateKey)).code).toBe(700027)
  })
})

describe('a managed identity', () => {
  const imds = async (
    query: string,
    headers: Record<string, string> = { metadata: 'true' },
  ): Promise<Response> =>
    fetch(`${emulator.origin}/metadata/identity/oauth2/token?api-version=2018-02-01&${query}`, { headers })

  test('gets a token in the shape of virtual machines, by its ids and name or as the machine itself', async () => {
    const response = await imds(`resource=api://v2&client_id=${identityId}`)
    const body = (await response.json()) as Record<string, unknown>
    expect(body).toEqual({
      access_token: expect.any(String),
      client_id: identityId,
      expires_in: '3599',
      expires_on: String(start + 3600),
      ext_expires_in: '3599',
      not_before: String(start - 300),
      resource: 'api://v2',
      token_type: 'Bearer',
    })
    expect((await verified(emulator, body['access_token'])).claims).toMatchObject({
      azp: identityId,
      azpacr: '2',
      roles: ['Things.Read.All'],
    })
    expect((await imds('resource=api://v2')).status).toBe(200)
  })

  test('gets a token in the shape of App Service with the right header alone', async () => {
    const { identityEndpoint, identityHeader } = emulator.managedIdentity
    const ask = (header: string): Promise<Response> =>
      fetch(`${identityEndpoint}?api-version=2019-08-01&resource=api://v2`, {
        headers: { 'x-identity-header': header },
      })
    expect(Object.keys((await (await ask(identityHeader)).json()) as object)).toEqual([
      'access_token',
      'client_id',
      'expires_on',
      'resource',
      'token_type',
    ])
    expect((await ask('wrong')).status).toBe(401)
  })

  test.each([
    ['without the Metadata header', 'resource=api://v2', {}, 'Required metadata header not specified'],
    ['without a resource', '', { metadata: 'true' }, "Required query variable 'resource' is missing"],
    [
      'for an unknown identity',
      `resource=api://v2&client_id=${ids.v1}`,
      { metadata: 'true' },
      'Identity not found',
    ],
  ])('is refused %s', async (_, query, headers, description) => {
    const response = await imds(query, headers as Record<string, string>)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: 'invalid_request', error_description: description })
  })

  test('gets no token by client credentials: it has no credential', async () => {
    const answer = await askToken(emulator, {
      grant_type: 'client_credentials',
      client_id: identityId,
      client_secret: 'test-value',
      scope: 'api://v2/.default',
    })
    expect(refusal(answer).code).toBe(7000215)
  })
})

test("a managed identity's token is a federated credential; a user's is not: AADSTS700229", async () => {
  const audience = 'api://AzureADTokenExchange'
  const own = {
    tenants: [
      {
        id: ids.contoso,
        domains: ['contoso.example'],
        users: [{ userPrincipalName: 'alice@contoso.example' }],
        managedIdentities: [{ displayName: 'worker', id: identityId }],
        servicePrincipals: [],
      },
    ],
    applications: [
      {
        displayName: 'exchange',
        identifierUris: [audience],
        api: { requestedAccessTokenVersion: 2 as const },
      },
      { appId: ids.v2, displayName: 'v2', identifierUris: ['api://v2'] },
    ],
  }
  await using probe = await startEmulator({ registration: own, clock: fixedClock(start) })
  const worker = await probe.issueToken({ client: 'worker', resource: audience })
  const { iss, sub, aud } = JSON.parse(
    Buffer.from(worker.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, string>
  const credentials = [
    { issuer: iss ?? '', subject: sub ?? '', audiences: [aud ?? ''] },
    {
      issuer: iss ?? '',
      claimsMatchingExpression: { value: "claims['scp'] eq 'anything'", languageVersion: 1 as const },
      audiences: [aud ?? ''],
    },
  ]
  probe.reload({
    ...own,
    applications: [
      ...own.applications,
      { appId: ids.daemon, displayName: 'daemon', federatedIdentityCredentials: credentials },
    ],
  })
  const ask = (assertion: string): ReturnType<typeof askToken> =>
    askToken(probe, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      scope: 'api://v2/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })
  expect((await ask(worker)).status).toBe(200)
  const user = await probe.issueToken({
    client: 'worker',
    resource: audience,
    user: 'alice@contoso.example',
    scopes: ['anything'],
  })
  expect(refusal(await ask(user))).toEqual({ status: 401, error: 'invalid_client', code: 700229 })
})

/** docs/recipes/managed-identity.md, and https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity */
describe('the recipe for a managed identity as the credential of an application', () => {
  const worker = { displayName: 'worker', id: identityId }
  const apis = [
    {
      appId: ids.v2,
      displayName: 'v2',
      identifierUris: ['api://v2'],
      api: { requestedAccessTokenVersion: 2 as const },
    },
  ]
  const tenant = { id: ids.contoso, domains: ['contoso.example'], managedIdentities: [worker] }

  async function ask(changes: object): Promise<Awaited<ReturnType<typeof askToken>>> {
    await using own = await startEmulator({
      registration: { tenants: [tenant], applications: apis },
      clock: fixedClock(start),
    })
    own.reload({
      tenants: [tenant],
      applications: [
        ...apis,
        {
          appId: ids.daemon,
          displayName: 'daemon',
          federatedIdentityCredentials: [
            {
              issuer: `${own.origin}/${ids.contoso}/v2.0`,
              subject: identityId,
              audiences: ['api://AzureADTokenExchange'],
              ...changes,
            },
          ],
        },
      ],
    })
    const machine = await fetch(
      `${own.origin}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://AzureADTokenExchange&principal_id=${identityId}`,
      { headers: { metadata: 'true' } },
    )
    const { access_token: assertion } = (await machine.json()) as { access_token: string }
    const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >
    // A decoded token of 2025-10-20: the audience is the id of the API, the same in every tenant.
    expect(claims).toMatchObject({ aud: 'fb60f99c-7a34-4190-8149-302f77469936', ver: '2.0', sub: identityId })
    return await askToken(own, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      scope: 'api://v2/.default',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    })
  }

  test('is accepted word for word: the v2.0 issuer, the object id, and api://AzureADTokenExchange', async () => {
    expect((await ask({})).status).toBe(200)
  })

  test.each([
    [{ audiences: ['api://AzureADTokenExchange/'] }, 700212],
    [{ audiences: ['api://other'] }, 700212],
    [{ subject: ids.alice }, 700213],
  ])('is refused with %j instead', async (changes, code) => {
    expect(refusal(await ask(changes))).toEqual({ status: 401, error: 'invalid_client', code })
  })
})
