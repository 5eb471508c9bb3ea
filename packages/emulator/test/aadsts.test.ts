import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  aadsts,
  advice,
  type AadstsCode,
  type ApplicationRegistration,
  type Emulator,
  fixedClock,
  type Registration,
  startEmulator,
} from '@countersign/emulator'
import { createCertificate, type TestCertificate } from './certificates.js'
import {
  type Answer,
  askToken,
  Browser,
  contoso,
  createPkce,
  type Form,
  ids,
  nativeRedirectUri,
  openPage,
  type Page,
  registration,
  secrets,
  sendForm,
  signIn,
  signInAndRedeem,
  start,
  startTestEmulator,
  withApplication,
} from './support.js'

/*
 * Every refusal the emulator knows, provoked over HTTP by what a client really sends.
 */

const demands = [
  'mfa',
  'mfaEnrolment',
  'deviceAuthentication',
  'otherCondition',
  'externalControl',
  'compliantDevice',
  'joinedDevice',
  'block',
] as const

const appId = (place: number): string => `33333333-0000-4000-8000-0000000001${String(place).padStart(2, '0')}`

const guardedApis = demands.map((demand, index): ApplicationRegistration => ({
  appId: appId(index),
  displayName: `needs-${demand}`,
  identifierUris: [`api://needs-${demand}`],
  api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
}))

function catalogue(certificate: TestCertificate, expired: TestCertificate, issuer: string): Registration {
  const [daemon, ...others] = registration.applications.filter(({ displayName }) => displayName === 'daemon')
  if (daemon === undefined || others.length > 0) throw new Error('one daemon')
  return {
    tenants: [
      {
        ...contoso,
        oauth2PermissionGrants: [
          ...contoso.oauth2PermissionGrants,
          ...guardedApis.map(({ displayName }) => ({
            clientId: 'native',
            resourceId: displayName,
            scope: 'Things.Read',
          })),
          { clientId: 'native', resourceId: 'guarded', scope: 'Things.Read' },
        ],
        conditionalAccess: demands.map((demand) => ({
          displayName: demand,
          demand,
          resources: [`needs-${demand}`],
        })),
        servicePrincipals: [
          { appId: 'guarded', appRoleAssignmentRequired: true },
          { appId: 'disabled-api', accountEnabled: false },
          { appId: 'disabled-client', accountEnabled: false },
          { appId: 'mapped', mappedClaims: { department: 'Sales' } },
          { appId: 'mapped-by-word', mappedClaims: { department: 'Sales' } },
        ],
      },
      ...registration.tenants.slice(1),
      {
        id: '9188040d-6c67-4c5b-b112-36a304b66dad',
        domains: ['outlook.example'],
        users: [{ userPrincipalName: 'pat@outlook.example' }],
      },
    ],
    applications: [
      ...registration.applications.map((application): ApplicationRegistration => {
        if (application.displayName === 'guarded') {
          return { ...application, api: { oauth2PermissionScopes: [{ value: 'Things.Read' }] } }
        }
        if (application.displayName !== 'daemon') return application
        return {
          ...application,
          keyCredentials: [certificate, expired].map(({ der }) => ({ key: der.toString('base64') })),
          federatedIdentityCredentials: [
            { issuer: 'https://issuer.example', subject: 'a', audiences: ['api://exchange'] },
            ...(issuer === ''
              ? []
              : [
                  {
                    issuer,
                    claimsMatchingExpression: {
                      value: "claims['scp'] eq 'Things.Read'",
                      languageVersion: 1 as const,
                    },
                    audiences: [ids.tier1],
                  },
                ]),
          ],
        }
      }),
      ...guardedApis,
      { displayName: 'disabled-api', identifierUris: ['api://disabled-api'] },
      {
        appId: appId(53),
        displayName: 'disabled-client',
        passwordCredentials: [{ secretText: 'test-value-disabled' }],
      },
      { displayName: 'mapped', identifierUris: ['api://mapped'] },
      {
        displayName: 'mapped-by-word',
        identifierUris: ['api://mapped-by-word'],
        api: { acceptMappedClaims: true },
      },
      {
        appId: appId(50),
        displayName: 'personal',
        signInAudience: 'PersonalMicrosoftAccount',
        publicClient: { redirectUris: ['http://localhost'] },
        api: { requestedAccessTokenVersion: 2 },
      },
      { appId: appId(51), displayName: 'device', isFallbackPublicClient: true, requiredResourceAccess: [] },
      {
        appId: appId(52),
        displayName: 'needless',
        web: { redirectUris: ['http://localhost/consented'] },
      },
    ],
  }
}

let emulator: Emulator
let certificate: TestCertificate
let expired: TestCertificate
let user: { access: string; refresh: string; id: string }
let spaRefresh: string

const spaOrigin = 'https://spa.contoso.example'

beforeAll(async () => {
  ;[certificate, expired] = await Promise.all([createCertificate(), createCertificate('RSA', start)])
  emulator = await startEmulator({
    registration: catalogue(certificate, expired, ''),
    clock: fixedClock(start),
  })
  emulator.reload(catalogue(certificate, expired, `${emulator.origin}/${ids.contoso}/v2.0`))
  const { body } = await signInAndRedeem(emulator)
  user = {
    access: String(body['access_token']),
    refresh: String(body['refresh_token']),
    id: String(body['id_token']),
  }
  const pkce = createPkce()
  const page = await openPage(emulator, authorize, {
    client_id: ids.spa,
    response_type: 'code',
    redirect_uri: `${spaOrigin}/`,
    scope: 'offline_access api://v2/Things.Read',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
  })
  const done = await sendForm(emulator, page, { user: 'alice@contoso.example' })
  const spa = await askToken(
    emulator,
    {
      grant_type: 'authorization_code',
      client_id: ids.spa,
      redirect_uri: `${spaOrigin}/`,
      code: codeOf(done),
      code_verifier: pkce.verifier,
    },
    { headers: { origin: spaOrigin } },
  )
  spaRefresh = String(spa.body['refresh_token'])
})
afterAll(() => emulator.stop())

const authorize = `/${ids.contoso}/oauth2/v2.0/authorize`
const codeOf = (page: Page): string => page.location?.searchParams.get('code') ?? ''

/** What came back, whichever way. */
interface Outcome {
  readonly by: 'body' | 'redirect' | 'page'
  readonly status: number
  readonly error?: unknown
  readonly code: number
  readonly body?: Record<string, unknown>
}

function ofBody({ status, body }: Pick<Answer, 'status' | 'body'>): Outcome {
  const codes = body['error_codes']
  const code: unknown = Array.isArray(codes) ? codes[0] : 0
  return { by: 'body', status, error: body['error'], code: Number(code), body }
}

function ofPage({ status, location, html }: Page): Outcome {
  if (location === undefined) {
    return { by: 'page', status, code: Number(/AADSTS(\d+):/.exec(html)?.[1] ?? 0) }
  }
  const answer = new URLSearchParams(location.search === '' ? location.hash.slice(1) : location.search)
  const description = answer.get('error_description') ?? ''
  return {
    by: 'redirect',
    status,
    error: answer.get('error'),
    code: Number(/AADSTS(\d+):/.exec(description)?.[1]),
  }
}

type Settings = Parameters<typeof askToken>[2]

const token = async (form: Form, settings?: Settings): Promise<Outcome> =>
  ofBody(await askToken(emulator, form, settings))

const get = async (path: string): Promise<Outcome> => {
  const response = await fetch(`${emulator.origin}${path}`)
  return ofBody({ status: response.status, body: (await response.json()) as Record<string, unknown> })
}

const bySecret = { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: secrets.daemon }
const daemon = (changes: Form = {}, settings?: Settings): Promise<Outcome> =>
  token({ ...bySecret, scope: 'api://v2/.default', ...changes }, settings)

const obo = (changes: Form = {}, settings?: Settings): Promise<Outcome> =>
  token(
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      client_id: ids.tier1,
      client_secret: secrets.tier1,
      assertion: user.access,
      scope: 'api://v2/Things.Read',
      ...changes,
    },
    settings,
  )

const refresh = (changes: Form = {}): Promise<Outcome> =>
  token({ grant_type: 'refresh_token', client_id: ids.native, refresh_token: user.refresh, ...changes })

const signInQuery = {
  client_id: ids.native,
  response_type: 'code',
  redirect_uri: nativeRedirectUri,
  scope: 'api://tier1/Things.Read',
}
const open = async (changes: Form = {}, path = authorize): Promise<Outcome> =>
  ofPage(await openPage(emulator, path, { ...signInQuery, ...changes }))
const pick = async (changes: Form, name = 'alice@contoso.example', path = authorize): Promise<Outcome> => {
  const page = await openPage(emulator, path, { ...signInQuery, ...changes })
  return ofPage(await sendForm(emulator, page, { user: name }))
}

async function redeem(changes: Form, query: Form = {}, settings?: Settings): Promise<Outcome> {
  const pkce = createPkce()
  const page = await signIn(emulator, { pkce, query })
  return token(
    {
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: nativeRedirectUri,
      code: codeOf(page),
      code_verifier: pkce.verifier,
      ...changes,
    },
    settings,
  )
}

async function assertion(
  changes: { header?: object; claims?: object; key?: Parameters<SignJWT['sign']>[0] } = {},
): Promise<Form> {
  const claims = {
    iss: ids.daemon,
    sub: ids.daemon,
    aud: `${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`,
    nbf: start,
    exp: start + 300,
    jti: randomUUID(),
    ...changes.claims,
  }
  const signed = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', 'x5t#S256': certificate.sha256, ...changes.header })
    .sign(changes.key ?? certificate.privateKey)
  return {
    grant_type: 'client_credentials',
    client_id: ids.daemon,
    scope: 'api://v2/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signed,
  }
}
const byAssertion = async (...changes: Parameters<typeof assertion>): Promise<Outcome> =>
  token(await assertion(...changes))

async function federated(claims: object): Promise<Outcome> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return byAssertion({
    key: privateKey,
    header: { kid: 'k' },
    claims: { iss: 'https://issuer.example', ...claims },
  })
}

async function device(changes: Form = {}, then?: (userCode: string) => Promise<unknown>): Promise<Outcome> {
  const response = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/devicecode`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: appId(51), scope: 'api://v2/Things.Read' }),
  })
  const { device_code: code, user_code: userCode } = (await response.json()) as Record<string, string>
  await then?.(userCode ?? '')
  return token({ grant_type: 'device_code', client_id: appId(51), device_code: code ?? '', ...changes })
}

/** What happens later, and back again. */
async function after<T>(seconds: number, act: () => Promise<T>): Promise<T> {
  emulator.clock.set(start + seconds)
  try {
    return await act()
  } finally {
    emulator.clock.set(start)
  }
}

async function silently(names: readonly string[]): Promise<Outcome> {
  const browser = new Browser(emulator)
  for (const name of names) await browser.signIn({ ...signInQuery, prompt: 'select_account' }, name)
  const query = new URLSearchParams({ ...signInQuery, prompt: 'none' }).toString()
  const response = await browser.open(`${authorize}?${query}`)
  const location = new URL(response.headers.get('location') ?? 'about:blank')
  return ofPage({ status: response.status, location, html: '', action: '', transaction: '' })
}

type Row = readonly [by: Outcome['by'], error: string | undefined, provoke: () => Promise<Outcome>]

const policy = (demand: (typeof demands)[number]) => (): Promise<Outcome> =>
  refresh({ scope: `api://needs-${demand}/Things.Read` })

const rows: Readonly<Record<AadstsCode, Row>> = {
  16000: [
    'redirect',
    'interaction_required',
    () => silently(['alice@contoso.example', 'bob@contoso.example']),
  ],
  50011: ['page', undefined, () => open({ redirect_uri: 'https://elsewhere.example/' })],
  50013: ['body', 'invalid_grant', () => obo({ assertion: `${user.access.slice(0, -8)}AAAAAAAA` })],
  50020: ['page', undefined, wrongAccount],
  50027: ['body', 'invalid_client', () => byAssertion({ header: { 'x5t#S256': undefined } })],
  50034: ['body', 'invalid_grant', () => byPassword({ username: 'nobody@contoso.example' })],
  50049: [
    'body',
    'invalid_instance',
    () => get('/common/discovery/instance?authorization_endpoint=https://x.example'),
  ],
  50057: ['page', undefined, () => pick({}, 'dora@contoso.example')],
  50058: ['redirect', 'login_required', () => open({ prompt: 'none' })],
  50059: ['body', 'invalid_request', () => daemon({}, { tenant: 'common' })],
  50076: ['body', 'invalid_grant', policy('mfa')],
  50079: ['body', 'interaction_required', policy('mfaEnrolment')],
  50097: ['body', 'interaction_required', policy('deviceAuthentication')],
  50105: ['body', 'invalid_grant', () => refresh({ scope: 'api://guarded/Things.Read' })],
  50126: ['body', 'invalid_grant', () => byPassword({ password: 'wrong' })],
  50131: ['body', 'interaction_required', policy('otherCondition')],
  50146: ['body', 'invalid_request', () => daemon({ scope: 'api://mapped/.default' })],
  50148: ['body', 'invalid_grant', () => redeem({ code_verifier: '' })],
  50158: ['body', 'interaction_required', policy('externalControl')],
  50173: ['body', 'invalid_grant', revoked],
  50194: ['page', undefined, () => open({}, '/common/oauth2/v2.0/authorize')],
  50196: ['body', 'invalid_grant', () => refusedBy(50196)],
  500011: ['body', 'invalid_resource', () => daemon({ scope: 'api://unknown/.default' })],
  500014: ['body', 'invalid_resource', () => daemon({ scope: 'api://disabled-api/.default' })],
  500112: ['body', 'invalid_client', () => redeem({ redirect_uri: 'http://localhost:1' })],
  500131: ['body', 'invalid_grant', () => obo({ client_id: ids.web, client_secret: secrets.web })],
  500133: ['body', 'invalid_grant', () => after(3600, obo)],
  501051: ['body', 'invalid_grant', () => daemon({ scope: 'api://guarded/.default' })],
  501461: ['body', 'invalid_request', () => daemon({ scope: 'api://mapped-by-word/.default' })],
  501481: ['body', 'invalid_grant', () => redeem({ code_verifier: createPkce().verifier })],
  501491: ['redirect', 'invalid_request', () => open({ code_challenge: 'short' })],
  53000: ['body', 'interaction_required', policy('compliantDevice')],
  53001: ['body', 'interaction_required', policy('joinedDevice')],
  53003: ['body', 'invalid_grant', policy('block')],
  54005: ['body', 'invalid_grant', redeemTwice],
  65001: ['body', 'invalid_grant', () => obo({ scope: 'api://lonely/Things.Read' })],
  65004: ['redirect', 'access_denied', decline],
  650053: ['body', 'invalid_client', () => obo({ scope: 'api://v2/Things.Unknown' })],
  650057: ['body', 'invalid_client', () => obo({ scope: 'api://guarded/.default' })],
  70000: ['body', 'invalid_grant', () => refresh({ client_id: appId(51) })],
  70003: ['body', 'unsupported_grant_type', () => token({ grant_type: 'magic', client_id: ids.native })],
  70008: ['body', 'invalid_grant', lateCode],
  70011: ['body', 'invalid_scope', () => refresh({ scope: 'api://v2/.default api://v2/Things.Read' })],
  70016: ['body', 'authorization_pending', () => device()],
  70018: ['body', 'bad_verification_code', () => device({ device_code: 'made-up' })],
  70019: ['body', 'expired_token', () => after(0, deviceLate)],
  70043: ['body', 'invalid_grant', tooOldASignIn],
  700005: ['body', 'invalid_grant', () => redeem({}, {}, { tenant: 'contoso.example' })],
  700016: [
    'body',
    'unauthorized_client',
    () => daemon({ client_id: '33333333-0000-4000-8000-0000000000ff' }),
  ],
  700021: ['body', 'invalid_client', () => byAssertion({ claims: { sub: ids.web } })],
  700022: ['body', 'invalid_request', () => daemon({ scope: 'api://v1/.default api://v2/.default' })],
  700023: ['body', 'invalid_client', () => byAssertion({ claims: { aud: 'https://elsewhere.example/' } })],
  700024: ['body', 'invalid_client', () => byAssertion({ claims: { exp: start } })],
  700025: ['body', 'invalid_client', () => redeem({ client_secret: 'test-value' })],
  700027: ['body', 'invalid_client', () => byAssertion({ header: { 'x5t#S256': 'unknown' } })],
  700038: [
    'body',
    'unauthorized_client',
    () => daemon({ client_id: '00000000-0000-0000-0000-000000000000' }),
  ],
  700051: ['redirect', 'unsupported_response_type', () => open({ response_type: 'token' })],
  700054: ['redirect', 'unsupported_response_type', () => open({ response_type: 'id_token' })],
  700082: ['body', 'invalid_grant', () => after(90 * 86_400, refresh)],
  700084: [
    'body',
    'invalid_grant',
    () =>
      after(86_400, () =>
        token(
          { grant_type: 'refresh_token', client_id: ids.spa, refresh_token: spaRefresh },
          { headers: { origin: spaOrigin } },
        ),
      ),
  ],
  700211: ['body', 'invalid_client', () => federated({ iss: 'https://other.example' })],
  700212: ['body', 'invalid_client', () => federated({ aud: 'api://other' })],
  700213: ['body', 'invalid_client', () => federated({ aud: 'api://exchange', sub: 'b' })],
  700229: ['body', 'invalid_client', () => daemon({ client_secret: '', ...foreign(user.access) })],
  7000112: [
    'body',
    'unauthorized_client',
    () => daemon({ client_id: appId(53), client_secret: 'test-value-disabled' }),
  ],
  7000114: [
    'body',
    'unauthorized_client',
    async () => obo({ assertion: await emulator.issueToken({ client: 'daemon', resource: 'tier1' }) }),
  ],
  7000215: ['body', 'invalid_client', () => daemon({ client_secret: 'test-value-wrong' })],
  7000216: ['body', 'invalid_client', () => daemon({ client_secret: '' })],
  7000218: ['body', 'invalid_client', () => obo({ client_secret: '' })],
  7000222: ['body', 'invalid_client', () => daemon({ client_secret: 'test-value-expired' })],
  7000229: [
    'body',
    'invalid_client',
    () => daemon({ client_id: ids.fleet, client_secret: 'test-value-fleet' }, { tenant: ids.fabrikam }),
  ],
  90002: ['body', 'invalid_request', () => daemon({}, { tenant: 'unknown.example' })],
  90009: ['body', 'invalid_request', () => obo({ scope: 'api://tier1/.default' })],
  90014: ['body', 'invalid_request', () => daemon({ scope: '' })],
  90027: ['body', 'invalid_request', () => get('/consumers/.well-known/openid-configuration')],
  90094: ['redirect', 'access_denied', () => pick({ scope: 'api://v2/Things.Admin' })],
  900023: ['body', 'invalid_request', () => daemon({}, { tenant: 'no_name' })],
  900144: ['body', 'invalid_request', () => token({ client_id: ids.native })],
  900561: ['body', 'invalid_request', () => get(`/${ids.contoso}/oauth2/v2.0/token`)],
  240002: ['body', 'invalid_request', () => obo({ assertion: user.id })],
  28000: ['body', 'invalid_request', () => redeem({ scope: 'api://v1/Things.Read api://v2/Things.Read' })],
  1000502: [
    'body',
    'invalid_client',
    () => byAssertion({ header: { 'x5t#S256': expired.sha256 }, key: expired.privateKey }),
  ],
  1002012: ['body', 'invalid_scope', () => daemon({ scope: 'api://v2/Things.Read' })],
  1003031: ['redirect', 'access_denied', consentToNothing],
  9000411: ['body', 'invalid_request', twice],
  9001023: ['body', 'invalid_request', () => byPassword({}, 'common')],
  1100001: ['body', 'invalid_request', () => byPassword({ ...bySecret, scope: 'api://v2/.default' })],
  9002313: ['body', 'invalid_request', () => obo({ requested_token_use: 'other' })],
  9002325: ['redirect', 'invalid_request', () => open({ client_id: ids.spa, redirect_uri: `${spaOrigin}/` })],
  9002326: ['body', 'invalid_request', () => token({ ...bySecret }, { headers: { origin: spaOrigin } })],
  9002327: [
    'body',
    'invalid_request',
    () => token({ grant_type: 'refresh_token', client_id: ids.spa, refresh_token: spaRefresh }),
  ],
  9002331: ['page', undefined, () => open({ client_id: appId(50) }, '/organizations/oauth2/v2.0/authorize')],
  9002332: ['page', undefined, () => open({ client_id: ids.fleet }, '/consumers/oauth2/v2.0/authorize')],
  9010010: ['body', 'invalid_target', () => daemon({ resource: 'api://v1' })],
}

const foreign = (token_: string): Form => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: token_,
})

/** By a fault: what a live service does under conditions that no request alone brings about. */
async function refusedBy(code: AadstsCode): Promise<Outcome> {
  emulator.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code }, times: 1 })
  return daemon()
}

async function revoked(): Promise<Outcome> {
  await using own = await startEmulator({ registration, clock: fixedClock(start) })
  const { body } = await signInAndRedeem(own)
  own.users.revokeSessions('alice@contoso.example')
  return ofBody(
    await askToken(own, {
      grant_type: 'refresh_token',
      client_id: ids.native,
      refresh_token: String(body['refresh_token']),
    }),
  )
}

async function tooOldASignIn(): Promise<Outcome> {
  const own = { ...registration, tenants: [{ ...contoso, signInFrequencySeconds: 60 }] }
  const applications = registration.applications.filter(({ displayName }) => !displayName.startsWith('fleet'))
  const tenants = own.tenants.map((tenant) => ({
    ...tenant,
    appRoleAssignments: contoso.appRoleAssignments.filter(({ principalId }) => principalId !== 'fleet'),
  }))
  await using strict = await startEmulator({
    registration: { tenants, applications },
    clock: fixedClock(start),
  })
  const { body } = await signInAndRedeem(strict)
  strict.clock.advance(60)
  return ofBody(
    await askToken(strict, {
      grant_type: 'refresh_token',
      client_id: ids.native,
      refresh_token: String(body['refresh_token']),
    }),
  )
}

async function redeemTwice(): Promise<Outcome> {
  const pkce = createPkce()
  const form = {
    grant_type: 'authorization_code',
    client_id: ids.native,
    redirect_uri: nativeRedirectUri,
    code: codeOf(await signIn(emulator, { pkce })),
    code_verifier: pkce.verifier,
  }
  await token(form)
  return token(form)
}

async function lateCode(): Promise<Outcome> {
  const pkce = createPkce()
  const code = codeOf(await signIn(emulator, { pkce }))
  return after(600, () =>
    token({
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: nativeRedirectUri,
      code,
      code_verifier: pkce.verifier,
    }),
  )
}

function deviceLate(): Promise<Outcome> {
  return device({}, async () => emulator.clock.set(start + 900))
}

async function decline(): Promise<Outcome> {
  const page = await openPage(emulator, authorize, { ...signInQuery, scope: 'api://v2/Things.Write' })
  const consent = await sendForm(emulator, page, { user: 'bob@contoso.example' })
  return ofPage(await sendForm(emulator, consent, { consent: 'deny' }))
}

async function consentToNothing(): Promise<Outcome> {
  const page = await openPage(emulator, `/${ids.contoso}/adminconsent`, {
    client_id: appId(52),
    redirect_uri: 'http://localhost/consented',
  })
  return ofPage(await sendForm(emulator, page, { user: 'carol@contoso.example' }))
}

/** At an emulator that knows the password grant, and whose hook fails. */
async function byPassword(form: Form, tenant: string = ids.contoso): Promise<Outcome> {
  await using other = await startTestEmulator({
    registration: withApplication('native', { isFallbackPublicClient: true }),
    allowPasswordGrant: true,
    onTokenIssuanceStart() {
      throw new Error('on purpose')
    },
  })
  const base = {
    client_id: ids.native,
    grant_type: 'password',
    username: 'alice@contoso.example',
    password: 'x',
  }
  return ofBody(await askToken(other, { ...base, scope: 'openid', ...form }, { tenant }))
}

/** A personal account at an application for work accounts. */
function wrongAccount(): Promise<Outcome> {
  const query = { client_id: ids.fleet, redirect_uri: 'http://localhost/consented', scope: 'openid' }
  return pick(query, 'pat@outlook.example', '/common/oauth2/v2.0/authorize')
}

async function twice(): Promise<Outcome> {
  const body = new URLSearchParams(bySecret)
  body.append('scope', 'api://v1/.default')
  body.append('scope', 'api://v2/.default')
  const response = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
    method: 'POST',
    body,
  })
  return ofBody({ status: response.status, body: (await response.json()) as Record<string, unknown> })
}

const order = [
  'error',
  'error_description',
  'error_codes',
  'timestamp',
  'trace_id',
  'correlation_id',
  'error_uri',
  'suberror',
  'claims',
]

describe('the catalogue', () => {
  test.each(
    Object.entries(rows).map(([code, [by, error, provoke]]) => ({
      code: Number(code) as AadstsCode,
      by,
      error,
      provoke,
    })),
  )('AADSTS$code comes by $by, as $error', async ({ code, by, error, provoke }) => {
    const outcome = await provoke()
    const { status, suberror, withoutErrorUri } = aadsts[code]
    expect({ ...outcome, body: undefined }).toEqual({
      by,
      code,
      status: by === 'redirect' ? 302 : status,
      ...(error === undefined ? {} : { error }),
      body: undefined,
    })
    if (outcome.body === undefined) return
    const members = Object.keys(outcome.body)
    expect(members).toEqual(order.filter((name) => members.includes(name)))
    expect(members).toEqual(expect.arrayContaining(order.slice(0, 6)))
    expect(members.includes('error_uri')).toBe(withoutErrorUri !== true)
    expect(outcome.body['suberror']).toBe(suberror)
    expect(outcome.body['error_codes']).toEqual([code])
    expect(String(outcome.body['error_description'])).toMatch(
      new RegExp(`^AADSTS${code}: .* Trace ID: [\\w-]{36} Correlation ID: [\\w-]{36} Timestamp: [\\d :-]+Z$`),
    )
    expect(String(outcome.body['timestamp'])).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/)
  })

  test('has advice for every refusal, in one sentence or two', () => {
    expect(Object.keys(advice).toSorted()).toEqual(Object.keys(aadsts).toSorted())
    for (const sentence of Object.values(advice)) expect(sentence).toMatch(/^[A-Z<].*\.$/)
  })
})
