import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ClientSecretCredential, OnBehalfOfCredential } from '@azure/identity'
import { ConfidentialClientApplication } from '@azure/msal-node'
import { type Emulator, runningClock } from '@countersign/emulator'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectSection } from './document-section.js'
import { startTiers, tiers, userTokenOf } from './tiers.js'

/*
 * The same mistakes with three libraries, against one service: what a developer reads. MSAL takes an https authority, so its
 * endpoints come from the emulator's document; @azure/identity gets an emulator over https.
 */

interface Mistake {
  readonly name: string
  readonly secret?: string
  readonly tenantId?: string
  readonly scope?: string
  readonly onBehalf?: boolean
  readonly isDown?: boolean
  /** What our message must say for the mistake to be solved by it alone. */
  readonly says: readonly (string | RegExp)[]
}

const mistakes: readonly Mistake[] = [
  {
    name: 'Wrong secret',
    secret: 'wrong',
    says: ['AADSTS7000215', 'client secret is wrong', 'copy its Value', tiers.firstTierId, tiers.tenantId],
  },
  {
    name: 'Secret ID instead of the value',
    secret: '7b5a3c1e-0000-4000-8000-000000000000',
    says: ['AADSTS7000215', 'The configured secret is a GUID', 'Secret ID', 'copy its Value'],
  },
  {
    name: 'Wrong scope',
    scope: 'api://second-tier/Orders.Reed',
    onBehalf: true,
    says: [
      'AADSTS650053',
      '"api://second-tier/Orders.Reed"',
      'exposes no scope of this name',
      'Expose an API',
    ],
  },
  {
    name: 'Wrong resource',
    scope: 'api://secnd-tier/.default',
    says: ['AADSTS500011', 'api://secnd-tier', 'no API with this identifier', 'Application ID URI'],
  },
  {
    name: 'Missing consent',
    scope: 'api://lonely/Orders.Read',
    onBehalf: true,
    says: ['AADSTS65001', 'Nobody has consented', '"api://lonely/Orders.Read"', 'Grant admin consent'],
  },
  {
    name: 'Wrong tenant',
    tenantId: '7f0e0d0c-0b0a-4908-8706-050403020100',
    says: ['AADSTS90002', '7f0e0d0c-0b0a-4908-8706-050403020100', 'no such tenant', 'Tenant ID'],
  },
  {
    name: 'Service down',
    isDown: true,
    says: [
      'could not be reached',
      'ECONNREFUSED',
      'Nothing listens',
      /authority http:\/\/127\.0\.0\.1:\d+\//,
    ],
  },
  {
    name: 'MFA needed',
    scope: 'api://needs-mfa/Orders.Read',
    onBehalf: true,
    says: ['AADSTS50076', 'multi-factor', 'claims challenge', '"api://needs-mfa/Orders.Read"'],
  },
]

let plain: Emulator
let secure: Emulator
let closedPort: number

beforeAll(async () => {
  const options = {
    clock: runningClock(),
    tenant: {
      oauth2PermissionGrants: [
        { clientId: 'native', resourceId: 'first-tier', scope: 'access_as_user' },
        { clientId: 'first-tier', resourceId: 'second-tier', scope: 'Orders.Read' },
        { clientId: 'first-tier', resourceId: 'needs-mfa', scope: 'Orders.Read' },
      ],
      conditionalAccess: [{ displayName: 'policy', demand: 'mfa', resources: ['needs-mfa'] }],
    },
    applications: [
      {
        displayName: 'needs-mfa',
        identifierUris: ['api://needs-mfa'],
        api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Orders.Read' }] },
      },
    ],
  } as const
  ;[plain, secure] = await Promise.all([startTiers(options), startTiers({ ...options, https: true })])
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  closedPort = (server.address() as AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
})
afterAll(() => Promise.all([plain.stop(), secure.stop()]))

const rows = new Map<string, readonly [ours: string, msal: string, identity: string]>()

it.each(mistakes)('$name: our message alone says what to change', async (mistake) => {
  const ours = await messageOf(() => askOurs(mistake))
  const msal = await messageOf(() => askMsal(mistake))
  const identity = await messageOf(() => askAzureIdentity(mistake))
  for (const part of mistake.says)
    expect(ours).toMatch(part instanceof RegExp ? part : new RegExp(escaped(part)))
  for (const message of [ours, msal, identity]) expect(message).not.toContain('NO ERROR')
  rows.set(mistake.name, [ours, msal, identity])
})

it('the document shows the messages side by side, as this run printed them', async () => {
  const sections = [...rows].map(([name, [ours, msal, identity]]) =>
    [
      `### ${name}`,
      ...[
        ['`@countersign/token-client`', ours],
        ['`@azure/msal-node` 7.2.3', msal],
        ['`@azure/identity` 4.14.1', identity],
      ].map(([who, text]) => `- ${who}:\n\n  > ${normalised(text!)}`),
    ].join('\n\n'),
  )
  await expectSection('docs/token-client-errors.md', 'side by side', sections.join('\n\n'))
})

async function askOurs({ secret, tenantId, scope, onBehalf, isDown }: Mistake): Promise<unknown> {
  const authority = isDown ? `http://127.0.0.1:${closedPort}` : plain.origin
  const client = createTokenClient({
    authority: entraAuthority({ tenantId: tenantId ?? tiers.tenantId, version: '2.0', cloud: { authority } }),
    clientId: tiers.firstTierId,
    credential: clientSecret(secret ?? tiers.secret),
  })
  if (onBehalf) return client.acquireOnBehalfOf(await userTokenOf(plain), { scopes: [scope!] })
  return client.acquireForApp({ resource: (scope ?? 'api://second-tier/.default').replace('/.default', '') })
}

async function askMsal({ secret, tenantId, scope, onBehalf, isDown }: Mistake): Promise<unknown> {
  const { host } = new URL(plain.origin)
  const tenant = tenantId ?? tiers.tenantId
  const answer = await fetch(`${plain.origin}/${tiers.tenantId}/v2.0/.well-known/openid-configuration`)
  const metadata = (await answer.text())
    .replaceAll(`/${tiers.tenantId}/`, `/${tenant}/`)
    .replaceAll(host, isDown ? `127.0.0.1:${closedPort}` : host)
  const client = new ConfidentialClientApplication({
    auth: {
      clientId: tiers.firstTierId,
      clientSecret: secret ?? tiers.secret,
      authority: `https://${host}/${tenant}`,
      knownAuthorities: [host],
      authorityMetadata: metadata,
    },
  })
  const scopes = [scope ?? 'api://second-tier/.default']
  return onBehalf
    ? client.acquireTokenOnBehalfOf({ oboAssertion: await userTokenOf(plain), scopes })
    : client.acquireTokenByClientCredential({ scopes })
}

async function askAzureIdentity({ secret, tenantId, scope, onBehalf, isDown }: Mistake): Promise<unknown> {
  const options = {
    authorityHost: isDown ? `https://127.0.0.1:${closedPort}` : secure.origin,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: secure.certificate! },
    retryOptions: { maxRetries: 0 },
  }
  const tenant = tenantId ?? tiers.tenantId
  const clientSecretText = secret ?? tiers.secret
  const credential = onBehalf
    ? new OnBehalfOfCredential({
        tenantId: tenant,
        clientId: tiers.firstTierId,
        clientSecret: clientSecretText,
        userAssertionToken: await userTokenOf(secure),
        ...options,
      })
    : new ClientSecretCredential(tenant, tiers.firstTierId, clientSecretText, options)
  return credential.getToken(scope ?? 'api://second-tier/.default')
}

async function messageOf(ask: () => Promise<unknown>): Promise<string> {
  return ask().then(
    () => 'NO ERROR',
    (error: unknown) => (error as Error).message,
  )
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}

/** Without what differs from run to run. */
function normalised(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d+|localhost:\d+/g, 'login.example')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '…')
    .replaceAll(/(Trace ID|Correlation ID): [0-9a-f-]{36}/g, '$1: …')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
