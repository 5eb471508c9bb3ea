/*
 * What live answers of Entra are known to look like, in our own words: member names, order, types, fixed values. Each
 * row names where it was seen and when. The build compares the emulator with this and never asks the network.
 */

export type Verdict = 'same' | 'differs' | 'not checked'

/** `string`, `number`, …, or `strings`: an array of strings. */
export type Kind =
  | 'string'
  | 'number'
  | 'boolean'
  | 'null'
  | 'string or null'
  | 'strings'
  | 'numbers'
  | 'objects'

export interface Row {
  readonly member: string
  readonly kind: Kind
  /** A fixed value, after normalising. */
  readonly value?: unknown
  /** Or a pattern for a string. */
  readonly pattern?: RegExp
  /** Without one the row is not checked: nobody has seen a live answer. */
  readonly source?: { readonly where: string; readonly date: string }
  /** Known to differ, and why. */
  readonly differsBecause?: string
}

export interface Expectation {
  readonly subject: string
  /** The members in the order of the live answer. */
  readonly rows: readonly Row[]
  /** Are the members all there may be? */
  readonly isComplete: boolean
}

const wellKnown = { where: 'panva/wellknown, entra-common', date: '2024-10-26' }
const identityModel = {
  where: 'identitymodel-extensions-for-dotnet, OpenIdConfigData.cs',
  date: '2024-02-02',
}
const recordings = { where: 'azure-sdk-for-js, identity recordings', date: '2023-08-05' }
const openiddict = { where: 'openiddict-core issue 2298', date: '2025-04-22' }
const captures = { where: 'entra-emulator, e2e/differential fixtures', date: '2026-08-13' }
const documentation = { where: 'Microsoft, v1-oauth2-client-creds-grant-flow', date: '2020-09-01' }
/** The table of Microsoft's answers, and recordings for Key Vault and Azure Resource Manager. */
const scopeEcho = { where: 'msal-dotnet 1547; azure-sdk-for-js, identity recordings', date: '2022-02-12' }
const userToken = { where: 'a decoded v2.0 access token of a user', date: '2025-07-31' }
const issues = { where: 'azure-docs 39189, msal-js 5491', date: '2023-01-04' }

const absentEndpoint = 'that endpoint is not there, and what is not there is not listed'

const bothDocuments = (version: '1.0' | '2.0', source: Row['source']): readonly Row[] => {
  const path = version === '1.0' ? '' : '/v2.0'
  const row = (member: string, kind: Kind, rest: Partial<Row> = {}): Row => ({
    member,
    kind,
    ...(source === undefined ? {} : { source }),
    ...rest,
  })
  const isV1 = version === '1.0'
  return [
    row('token_endpoint', 'string', { value: `{origin}/{tenant}/oauth2${path}/token` }),
    row('token_endpoint_auth_methods_supported', 'strings', {
      value: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    }),
    row('jwks_uri', 'string', { value: `{origin}/{tenant}/discovery${path}/keys` }),
    row('response_modes_supported', 'strings', { value: ['query', 'fragment', 'form_post'] }),
    row('subject_types_supported', 'strings', { value: ['pairwise'] }),
    row('id_token_signing_alg_values_supported', 'strings', { value: ['RS256'] }),
    row('response_types_supported', 'strings', {
      value: isV1
        ? ['code', 'id_token', 'code id_token', 'token id_token', 'token']
        : ['code', 'id_token', 'code id_token', 'id_token token'],
      differsBecause: 'access tokens are not given out at the authorize endpoint',
    }),
    row('scopes_supported', 'strings', {
      value: isV1 ? ['openid'] : ['openid', 'profile', 'email', 'offline_access'],
    }),
    row('issuer', 'string', { value: isV1 ? '{origin}/{tenant}/' : '{origin}/{tenant}/v2.0' }),
    ...(isV1
      ? [row('microsoft_multi_refresh_token', 'boolean', { value: true })]
      : [row('request_uri_parameter_supported', 'boolean', { value: false })]),
    row('userinfo_endpoint', 'string'),
    row('authorization_endpoint', 'string', { value: `{origin}/{tenant}/oauth2${path}/authorize` }),
    row('device_authorization_endpoint', 'string', { value: `{origin}/{tenant}/oauth2${path}/devicecode` }),
    row('http_logout_supported', 'boolean', { value: true }),
    row('frontchannel_logout_supported', 'boolean', { value: true }),
    row('end_session_endpoint', 'string', { value: `{origin}/{tenant}/oauth2${path}/logout` }),
    row('claims_supported', 'strings'),
    ...(isV1 ? [row('check_session_iframe', 'string', { differsBecause: absentEndpoint })] : []),
    row('kerberos_endpoint', 'string', { differsBecause: absentEndpoint }),
    row('tenant_region_scope', 'string or null'),
    row('cloud_instance_name', 'string', { value: 'microsoftonline.com' }),
    row('cloud_graph_host_name', 'string'),
    row('msgraph_host', 'string'),
    row('rbac_url', 'string'),
  ]
}

const keyRows = (version: '1.0' | '2.0'): readonly Row[] => [
  { member: 'kty', kind: 'string', value: 'RSA', source: wellKnown },
  { member: 'use', kind: 'string', value: 'sig', source: wellKnown },
  { member: 'kid', kind: 'string', pattern: /^[\w-]{27}$/, source: wellKnown },
  { member: 'x5t', kind: 'string', pattern: /^[\w-]{27}$/, source: wellKnown },
  { member: 'n', kind: 'string', pattern: /^[\w-]{342}$/, source: wellKnown },
  { member: 'e', kind: 'string', value: 'AQAB', source: wellKnown },
  { member: 'x5c', kind: 'strings', source: wellKnown },
  ...(version === '2.0'
    ? ([
        { member: 'cloud_instance_name', kind: 'string', value: 'microsoftonline.com', source: wellKnown },
        { member: 'issuer', kind: 'string', value: '{origin}/{tenantid}/v2.0', source: wellKnown },
      ] as const)
    : []),
]

const errorRows = (
  source: NonNullable<Row['source']>,
  withErrorUri: boolean,
  more: readonly Row[] = [],
): readonly Row[] => [
  { member: 'error', kind: 'string', source },
  {
    member: 'error_description',
    kind: 'string',
    pattern: /^AADSTS\d+: .* Trace ID: \{guid\} Correlation ID: \{guid\} Timestamp: \{time\}$/,
    source,
  },
  { member: 'error_codes', kind: 'numbers', source },
  { member: 'timestamp', kind: 'string', value: '{time}', source },
  { member: 'trace_id', kind: 'string', value: '{guid}', source },
  { member: 'correlation_id', kind: 'string', value: '{guid}', source },
  ...(withErrorUri
    ? [{ member: 'error_uri', kind: 'string', pattern: /^\{origin\}\/error\?code=\d+$/, source } as const]
    : []),
  ...more,
]

export const expectations: readonly Expectation[] = [
  { subject: 'discovery 2.0', rows: bothDocuments('2.0', wellKnown), isComplete: true },
  {
    subject: 'discovery 2.0, since 2025',
    isComplete: false,
    rows: [
      {
        member: 'tls_client_certificate_bound_access_tokens',
        kind: 'boolean',
        value: true,
        source: openiddict,
        differsBecause: 'tokens bound to certificates are not issued',
      },
      {
        member: 'mtls_endpoint_aliases',
        kind: 'objects',
        source: openiddict,
        differsBecause: 'tokens bound to certificates are not issued',
      },
    ],
  },
  { subject: 'discovery 1.0', rows: bothDocuments('1.0', identityModel), isComplete: true },
  { subject: 'key 2.0', rows: keyRows('2.0'), isComplete: true },
  { subject: 'key 1.0', rows: keyRows('1.0'), isComplete: true },
  {
    subject: 'client credentials 2.0',
    isComplete: true,
    rows: [
      { member: 'token_type', kind: 'string', value: 'Bearer', source: captures },
      { member: 'expires_in', kind: 'number', source: captures },
      { member: 'ext_expires_in', kind: 'number', source: captures },
      { member: 'access_token', kind: 'string', value: '{token}', source: captures },
    ],
  },
  {
    subject: 'client credentials 1.0',
    isComplete: true,
    rows: [
      { member: 'token_type', kind: 'string', value: 'Bearer', source: documentation },
      { member: 'expires_in', kind: 'string', pattern: /^\d+$/, source: documentation },
      { member: 'ext_expires_in', kind: 'string', pattern: /^\d+$/, source: documentation },
      { member: 'expires_on', kind: 'string', pattern: /^\d+$/, source: documentation },
      { member: 'not_before', kind: 'string', pattern: /^\d+$/, source: documentation },
      { member: 'resource', kind: 'string', source: documentation },
      { member: 'access_token', kind: 'string', value: '{token}', source: documentation },
    ],
  },
  {
    subject: 'claims of an application 2.0',
    isComplete: false,
    rows: [
      ...['aud', 'iss', 'aio', 'azp', 'azpacr', 'oid', 'rh', 'sub', 'tid', 'uti', 'ver', 'xms_ftd'].map(
        (member): Row => ({ member, kind: 'string', source: captures }),
      ),
      ...['iat', 'nbf', 'exp'].map((member): Row => ({ member, kind: 'number', source: captures })),
    ],
  },
  {
    subject: 'scopes of an API, asked for with sign-in scopes',
    isComplete: false,
    rows: [{ member: 'scope', kind: 'string', value: 'api://tier1/Things.Read', source: scopeEcho }],
  },
  {
    subject: 'scopes of Graph, asked for with sign-in scopes',
    isComplete: false,
    rows: [{ member: 'scope', kind: 'string', value: 'openid profile', source: scopeEcho }],
  },
  {
    subject: 'claims of a user 2.0',
    isComplete: false,
    rows: ['sid', 'xms_ftd'].map((member): Row => ({ member, kind: 'string', source: userToken })),
  },
  { subject: 'error 7000215', rows: errorRows(captures, true), isComplete: true },
  { subject: 'error 500011', rows: errorRows(captures, true), isComplete: true },
  { subject: 'error 70003', rows: errorRows(captures, false), isComplete: true },
  { subject: 'error 700038', rows: errorRows(captures, false), isComplete: true },
  { subject: 'error 90002', rows: errorRows(recordings, true), isComplete: true },
  {
    subject: 'error 65001',
    isComplete: true,
    rows: errorRows(issues, true, [
      { member: 'suberror', kind: 'string', value: 'consent_required', source: issues },
    ]),
  },
  {
    subject: 'error 50076',
    isComplete: true,
    rows: errorRows(issues, true, [
      { member: 'suberror', kind: 'string', value: 'basic_action', source: issues },
      {
        member: 'claims',
        kind: 'string',
        pattern: /^\{"access_token":\{"capolids":\{"essential":true,"values":\["\{guid\}"\]\}\}\}$/,
        source: issues,
      },
    ]),
  },
  {
    // No live body of this one is known: its rows say so instead of passing.
    subject: 'error 7000114',
    isComplete: false,
    rows: [
      { member: 'error', kind: 'string', value: 'unauthorized_client' },
      { member: 'error_codes', kind: 'numbers', value: [7000114] },
    ],
  },
]

/** What differs between two live answers is folded before comparing. Each rule has a name, and a test that needs it. */
export interface Rule {
  readonly name: string
  readonly fold: (text: string, context: { readonly origin: string; readonly tenant: string }) => string
}

export const rules: readonly Rule[] = [
  { name: 'origin', fold: (text, { origin }) => text.replaceAll(origin, '{origin}') },
  { name: 'tenant', fold: (text, { tenant }) => text.replaceAll(tenant, '{tenant}') },
  {
    name: 'guid',
    fold: (text) =>
      text.replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '{guid}'),
  },
  { name: 'time', fold: (text) => text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, '{time}') },
  { name: 'token', fold: (text) => text.replaceAll(/^[\w-]+\.[\w-]+\.[\w-]+$/g, '{token}') },
]

type Context = Parameters<Rule['fold']>[1]

function normalised(value: unknown, context: Context, using: readonly Rule[]): unknown {
  if (Array.isArray(value)) return value.map((item) => normalised(item, context, using))
  if (typeof value !== 'string') return value
  return using.reduce((text, { fold }) => fold(text, context), value)
}

/** One row against a live value, or against none. */
export function compare(
  row: Row,
  actual: unknown,
  context: Context,
  using: readonly Rule[] = rules,
): Verdict {
  if (row.source === undefined) return 'not checked'
  if (!isOfKind(actual, row.kind)) return 'differs'
  const value = normalised(actual, context, using)
  if (row.value !== undefined && JSON.stringify(value) !== JSON.stringify(row.value)) return 'differs'
  if (row.pattern !== undefined && !row.pattern.test(String(value))) return 'differs'
  return 'same'
}

function isOfKind(value: unknown, kind: Kind): boolean {
  if (kind === 'null') return value === null
  if (kind === 'string or null') return value === null || typeof value === 'string'
  if (kind === 'objects') return typeof value === 'object' && value !== null
  const element = { strings: 'string', numbers: 'number' }[kind as 'strings' | 'numbers']
  if (element === undefined) return typeof value === kind
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === element)
}
