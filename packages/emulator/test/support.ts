import { createHash, randomBytes } from 'node:crypto'
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import {
  type Emulator,
  type EmulatorOptions,
  fixedClock,
  type Registration,
  type ApplicationRegistration,
  type TenantRegistration,
  startEmulator,
} from '@countersign/emulator'

export const start = 1_772_366_400

export const ids = {
  contoso: '11111111-0000-4000-8000-000000000001',
  fabrikam: '11111111-0000-4000-8000-000000000002',
  alice: '22222222-0000-4000-8000-000000000001',
  native: '33333333-0000-4000-8000-000000000001',
  daemon: '33333333-0000-4000-8000-000000000002',
  tier1: '33333333-0000-4000-8000-000000000003',
  v1: '33333333-0000-4000-8000-000000000004',
  v2: '33333333-0000-4000-8000-000000000005',
  spa: '33333333-0000-4000-8000-000000000006',
  web: '33333333-0000-4000-8000-000000000007',
  fleet: '33333333-0000-4000-8000-000000000008',
  fleetApi: '33333333-0000-4000-8000-000000000009',
} as const

export const secrets = {
  daemon: 'test-value-daemon',
  tier1: 'test value+tier1%',
  web: 'test-value-web',
} as const

const api = (
  name: string,
  appId: string,
  version: 1 | 2,
): NonNullable<Registration['applications']>[number] => ({
  appId,
  displayName: name,
  identifierUris: [`api://${name}`, `https://${name}.contoso.example/`],
  appRoles: [
    { value: 'Things.Read.All', allowedMemberTypes: ['Application'] },
    { value: 'Things.Manager', allowedMemberTypes: ['User'] },
  ],
  optionalClaims: { accessToken: [{ name: 'xms_cc' }] },
  api: {
    requestedAccessTokenVersion: version,
    oauth2PermissionScopes: [
      { value: 'Things.Read', userConsentDisplayName: 'Read your <things>' },
      { value: 'Things.Write' },
      { value: 'Things.Admin', type: 'Admin' },
      { value: 'Things.Gone', isEnabled: false },
    ],
  },
})

const scopesOf = (
  names: readonly string[],
): NonNullable<NonNullable<Registration['applications']>[number]['requiredResourceAccess']> =>
  names.map((resourceAppId) => ({ resourceAppId, resourceAccess: [{ id: 'Things.Read', type: 'Scope' }] }))

export const contoso = {
  id: ids.contoso,
  displayName: 'Contoso',
  domains: ['contoso.example'],
  users: [
    {
      id: ids.alice,
      userPrincipalName: 'alice@contoso.example',
      displayName: 'Alice Ash',
      givenName: 'Alice',
      surname: 'Ash',
      mail: 'alice@mail.example',
    },
    { userPrincipalName: 'bob@contoso.example' },
    { userPrincipalName: 'carol@contoso.example', directoryRoles: ['Global Administrator'] },
    { userPrincipalName: 'dora@contoso.example', accountEnabled: false },
  ],
  groups: [{ displayName: 'managers', members: ['alice@contoso.example'] }],
  oauth2PermissionGrants: [
    ...['tier1', 'v1', 'v2'].map((resourceId) => ({
      clientId: 'native',
      resourceId,
      scope: 'Things.Read',
      consentType: 'Principal' as const,
      principalId: 'alice@contoso.example',
    })),
    { clientId: 'tier1', resourceId: 'v1', scope: 'Things.Read Things.Write' },
    { clientId: 'tier1', resourceId: 'v2', scope: 'Things.Read Things.Write' },
    { clientId: 'web', resourceId: 'v2', scope: 'Things.Read' },
    { clientId: 'spa', resourceId: 'v2', scope: 'Things.Read' },
  ],
  appRoleAssignments: [
    { principalId: 'daemon', resourceId: 'v1', appRoleId: 'Things.Read.All' },
    { principalId: 'daemon', resourceId: 'v2', appRoleId: 'Things.Read.All' },
    { principalId: 'managers', resourceId: 'v2', appRoleId: 'Things.Manager' },
    { principalId: 'fleet', resourceId: 'fleet-api', appRoleId: 'Fleet.Read.All' },
  ],
  servicePrincipals: [{ appId: 'guarded', appRoleAssignmentRequired: true }],
} satisfies TenantRegistration

export const fabrikam = {
  id: ids.fabrikam,
  displayName: 'Fabrikam',
  domains: ['fabrikam.example'],
  users: [
    { userPrincipalName: 'erin@fabrikam.example', directoryRoles: ['Global Administrator'] },
    { userPrincipalName: 'dan@fabrikam.example' },
  ],
} satisfies TenantRegistration

export const registration = {
  tenants: [contoso, fabrikam],
  applications: [
    {
      appId: ids.native,
      displayName: 'native',
      publicClient: { redirectUris: ['http://localhost'] },
      requiredResourceAccess: scopesOf(['tier1', 'v1', 'v2']),
    },
    {
      appId: ids.daemon,
      displayName: 'daemon',
      passwordCredentials: [
        { secretText: secrets.daemon },
        { secretText: 'test-value-expired', endDateTime: '2026-03-01T12:00:00Z' },
      ],
    },
    {
      ...api('tier1', ids.tier1, 2),
      passwordCredentials: [{ secretText: secrets.tier1 }],
      requiredResourceAccess: scopesOf(['v1', 'v2', 'lonely']),
    },
    api('v1', ids.v1, 1),
    api('v2', ids.v2, 2),
    {
      displayName: 'lonely',
      identifierUris: ['api://lonely'],
      api: { oauth2PermissionScopes: [{ value: 'Things.Read' }] },
    },
    { displayName: 'guarded', identifierUris: ['api://guarded'] },
    { appId: ids.spa, displayName: 'spa', spa: { redirectUris: ['https://spa.contoso.example/'] } },
    {
      appId: ids.web,
      displayName: 'web',
      web: { redirectUris: ['https://web.contoso.example/signed-in?from=entra'] },
      passwordCredentials: [{ secretText: secrets.web }],
    },
    {
      appId: ids.fleet,
      displayName: 'fleet',
      signInAudience: 'AzureADMultipleOrgs',
      web: { redirectUris: ['http://localhost/consented'] },
      passwordCredentials: [{ secretText: 'test-value-fleet' }],
      requiredResourceAccess: [
        { resourceAppId: 'fleet-api', resourceAccess: [{ id: 'Fleet.Read.All', type: 'Role' }] },
      ],
    },
    {
      appId: ids.fleetApi,
      displayName: 'fleet-api',
      signInAudience: 'AzureADMultipleOrgs',
      identifierUris: ['api://fleet-api'],
      appRoles: [
        { value: 'Fleet.Read.All', displayName: 'Read the fleet', allowedMemberTypes: ['Application'] },
      ],
      api: { requestedAccessTokenVersion: 2, knownClientApplications: ['fleet'] },
    },
  ],
} satisfies Registration

/** The registration above with something else in its first tenant. */
export function withContoso(changes: Partial<TenantRegistration>): Registration {
  return { ...registration, tenants: [{ ...contoso, ...changes } as TenantRegistration, fabrikam] }
}

/** The registration above with something else in one application. */
export function withApplication(
  displayName: string,
  changes: Partial<ApplicationRegistration>,
): Registration {
  const applications: readonly ApplicationRegistration[] = registration.applications
  return {
    ...registration,
    applications: applications.map((application) =>
      application.displayName === displayName
        ? { ...application, ...changes, api: { ...application.api, ...changes.api } }
        : application,
    ),
  }
}

/** An emulator with the registration above, on a clock that stands still. */
export function startTestEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  return startEmulator({ registration, clock: fixedClock(start), ...options })
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

export type Form = Readonly<Record<string, string>>

export const tokenPaths = { '1.0': '/oauth2/token', '2.0': '/oauth2/v2.0/token' } as const
export const authorizePaths = { '1.0': '/oauth2/authorize', '2.0': '/oauth2/v2.0/authorize' } as const

/** Asks the token endpoint. */
export async function askToken(
  emulator: Emulator,
  form: Form,
  settings: { version?: '1.0' | '2.0'; tenant?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { version = '2.0', tenant = ids.contoso, headers = {} } = settings
  const response = await fetch(`${emulator.origin}/${tenant}${tokenPaths[version]}`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  }
}

/** The refusal of an answer, as far as it is the same every time. */
export function refusal({ status, body }: Answer): { status: number; error: unknown; code: unknown } {
  const codes = body['error_codes']
  return { status, error: body['error'], code: Array.isArray(codes) ? codes[0] : undefined }
}

/** What the first tier asks on behalf of the user whose token it was called with. */
export function onBehalfOf(assertion: unknown, changes: Form = {}): Form {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    client_id: ids.tier1,
    client_secret: secrets.tier1,
    assertion: String(assertion),
    ...changes,
  }
}

/** The claims of a token whose signature holds against the key set of its version, and its header. */
export async function verified(
  emulator: Emulator,
  token: unknown,
): Promise<{ header: ReturnType<typeof decodeProtectedHeader>; claims: JWTPayload }> {
  const text = String(token)
  const { tid, ver } = decodeJwt(text)
  const path = ver === '1.0' ? 'discovery/keys' : 'discovery/v2.0/keys'
  const response = await fetch(`${emulator.origin}/${String(tid)}/${path}`)
  const { payload } = await jwtVerify(text, createLocalJWKSet((await response.json()) as JSONWebKeySet), {
    currentDate: new Date(emulator.clock.now() * 1000),
    algorithms: ['RS256'],
  })
  return { header: decodeProtectedHeader(text), claims: payload }
}

export interface Pkce {
  readonly verifier: string
  readonly challenge: string
}

export function createPkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** A page of the emulator, with what its form would send. */
export interface Page {
  readonly status: number
  readonly html: string
  readonly location: URL | undefined
  readonly action: string
  readonly transaction: string
}

async function readPage(response: Response): Promise<Page> {
  const html = await response.text()
  const location = response.headers.get('location')
  return {
    status: response.status,
    html,
    location: location === null ? undefined : new URL(location),
    action: /<form method="post" action="([^"]*)"/.exec(html)?.[1] ?? '',
    transaction: /name="transaction" value="([^"]*)"/.exec(html)?.[1] ?? '',
  }
}

export async function openPage(emulator: Emulator, path: string, query: Form): Promise<Page> {
  return readPage(
    await fetch(`${emulator.origin}${path}?${new URLSearchParams(query).toString()}`, { redirect: 'manual' }),
  )
}

export async function sendForm(
  emulator: Emulator,
  page: Page,
  fields: Form,
  headers: Record<string, string> = {},
): Promise<Page> {
  return readPage(
    await fetch(`${emulator.origin}${page.action}`, {
      method: 'POST',
      redirect: 'manual',
      headers,
      body: new URLSearchParams({ transaction: page.transaction, ...fields }),
    }),
  )
}

export const nativeRedirectUri = 'http://localhost:51234'

export interface SignInSettings {
  readonly version?: '1.0' | '2.0'
  readonly tenant?: string
  readonly user?: string
  readonly query?: Form
  readonly pkce?: Pkce
}

/** Opens the authorize page of the native application and picks a user. */
export async function signIn(emulator: Emulator, settings: SignInSettings = {}): Promise<Page> {
  const {
    version = '2.0',
    tenant = ids.contoso,
    user = 'alice@contoso.example',
    pkce = createPkce(),
  } = settings
  const page = await openPage(emulator, `/${tenant}${authorizePaths[version]}`, {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: nativeRedirectUri,
    ...(version === '1.0'
      ? { resource: 'api://tier1' }
      : { scope: 'openid profile offline_access api://tier1/Things.Read' }),
    state: 'the-state',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
    ...settings.query,
  })
  return page.transaction === '' ? page : sendForm(emulator, page, { user })
}

/** Signs a user in to the native application and redeems the code. */
export async function signInAndRedeem(emulator: Emulator, settings: SignInSettings = {}): Promise<Answer> {
  const pkce = createPkce()
  const page = await signIn(emulator, { ...settings, pkce })
  return askToken(
    emulator,
    {
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: nativeRedirectUri,
      code: page.location?.searchParams.get('code') ?? '',
      code_verifier: pkce.verifier,
    },
    settings,
  )
}

/** Keeps cookies from page to page, as a browser does. */
export class Browser {
  cookie = ''
  readonly #emulator: Emulator

  constructor(emulator: Emulator) {
    this.#emulator = emulator
  }

  async open(path: string, fields?: Form): Promise<Response> {
    const response = await fetch(`${this.#emulator.origin}${path}`, {
      method: fields === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: this.cookie === '' ? {} : { cookie: this.cookie },
      ...(fields === undefined ? {} : { body: new URLSearchParams(fields) }),
    })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.cookie = set.split(';', 1)[0] ?? ''
    return response
  }

  async signIn(query: Form, user: string): Promise<Response> {
    const path = `/${ids.contoso}/oauth2/v2.0/authorize`
    const html = await (await this.open(`${path}?${new URLSearchParams(query).toString()}`)).text()
    const transaction = /name="transaction" value="([^"]*)"/.exec(html)?.[1] ?? ''
    return this.open(path, { transaction, user })
  }
}
