import { createPublicKey, verify } from 'node:crypto'
import { type Application, consumersTenantId, guidPattern, type Tenant } from '../directory/directory.js'
import type { PublishedKey } from '../keys/signing-keys.js'
import { graphAppId } from '../directory/graph.js'
import { issuerOf, type Service } from '../instance/service.js'

/*
 * Explains a token: what it is, and which registered API would accept it, check by check. It is a reading of its own
 * of what an API must check; the validator of an API is another.
 */

export interface Check {
  readonly name: string
  /** Not reached: an API stops at the first failure. */
  readonly result: 'ok' | 'failed' | 'not reached'
  readonly expected?: string
  readonly received?: string
}

export interface ApiVerdict {
  readonly api: Application
  readonly isAccepted: boolean
  readonly checks: readonly Check[]
  /** What an API would answer. */
  readonly challenge?: string
}

export interface Inspection {
  /** What it is, in a few words. */
  readonly kind: string
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly header: Readonly<Record<string, unknown>> | undefined
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly verdicts: readonly ApiVerdict[]
  /** A known story that fits, and what to do. */
  readonly story?: { readonly why: string; readonly fix: string }
}

type Json = Readonly<Record<string, unknown>>

interface Read {
  readonly parts: readonly string[]
  readonly header: Json | undefined
  readonly claims: Json | undefined
}

/** Reads what was pasted: with or without `Bearer`, quotes and line breaks around it. */
export function readPasted(text: string): string {
  return text
    .trim()
    .replace(/^authorization: */i, '')
    .replace(/^bearer +/i, '')
    .replaceAll(/["'\s]/g, '')
}

export async function inspectToken(service: Service, token: string): Promise<Inspection> {
  const read = readToken(token)
  const { parts, header, claims } = read
  if (parts.length === 5) {
    return {
      ...unreadable(header),
      kind: 'an encrypted token (JWE)',
      story: {
        why: 'It is encrypted: only the API it is for can read it.',
        fix: 'Ask for a token of your own API.',
      },
    }
  }
  if (header === undefined || claims === undefined) {
    return {
      ...unreadable(header),
      kind: 'not a token',
      story: {
        why: `A token has three parts of base64url, separated by dots; this has ${parts.length}.`,
        fix: 'Copy the whole token; a line may be missing at the end.',
      },
    }
  }
  const keys = await service.keys.published({ withMicrosoftAccounts: true })
  const ownKeys = async (api: Application): Promise<readonly PublishedKey[]> =>
    service.keys.hasOwnKey(api.appId)
      ? service.keys.published({ withMicrosoftAccounts: false, appId: api.appId })
      : keys
  const apis = [...service.directory.applications.values()].filter(({ appId }) => appId !== graphAppId)
  const verdicts = await Promise.all(
    apis.map(async (api) => judge(service, api, token, read, await ownKeys(api))),
  )
  return {
    kind: kindOf(claims),
    facts: factsOf(service, header, claims),
    header,
    claims,
    verdicts,
    ...storyOf(service, header, claims, verdicts),
  }
}

function unreadable(header: Json | undefined): Pick<Inspection, 'facts' | 'header' | 'claims' | 'verdicts'> {
  return { facts: [], header, claims: undefined, verdicts: [] }
}

function readToken(token: string): Read {
  const parts = token.split('.')
  const part = (index: number): Json | undefined => {
    try {
      const value: unknown = JSON.parse(Buffer.from(parts[index] ?? '', 'base64url').toString('utf8'))
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
    } catch {
      return undefined
    }
  }
  return { parts, header: part(0), claims: parts.length === 3 ? part(1) : undefined }
}

function kindOf(claims: Json): string {
  const version = typeof claims['ver'] === 'string' ? ` of v${claims['ver']}` : ''
  if (claims['appid'] === undefined && claims['azp'] === undefined) return `an id token${version}`
  if (typeof claims['scp'] === 'string') return `an access token${version}, for a user`
  return `an access token${version}, for an application itself`
}

function factsOf(service: Service, header: Json, claims: Json): [string, string][] {
  const { directory } = service
  const now = service.clock.now()
  const tenantId = written(claims['tid'])
  const clientId = written(claims['appid'] ?? claims['azp'])
  const user = directory.tenants.get(tenantId)?.users.get(written(claims['oid']))
  const audience = written(claims['aud'])
  const api = [...directory.applications.values()].find(
    ({ appId, identifierUris }) => appId === audience || identifierUris.includes(audience),
  )
  const time = (name: string): [string, string][] => {
    const seconds = claims[name]
    if (typeof seconds !== 'number' || Math.abs(seconds) > 8e12) return []
    const away = Math.round(seconds - now)
    const text = `${new Date(seconds * 1000).toISOString()}, ${Math.abs(away)} s ${away < 0 ? 'ago' : 'from now'}`
    return [[{ iat: 'issued', nbf: 'not before', exp: 'expires' }[name] ?? name, text]]
  }
  return [
    ['tenant', named(tenantId, directory.tenants.get(tenantId)?.displayName)],
    ['for the API', named(audience, api?.displayName)],
    ['client', named(clientId, directory.applications.get(clientId)?.displayName)],
    ...(user === undefined ? [] : ([['user', named(user.id, user.userPrincipalName)]] as [string, string][])),
    ['scopes', written(claims['scp'], 'none')],
    ['roles', Array.isArray(claims['roles']) ? claims['roles'].join(' ') : 'none'],
    ...time('iat'),
    ...time('nbf'),
    ...time('exp'),
    ['signed with', `${written(header['alg'])}, key ${written(header['kid'], 'not named')}`],
  ]
}

/** A member of a token as text, whatever stands there. */
function written(value: unknown, absent = ''): string {
  if (value === undefined) return absent
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function named(id: string, name: string | undefined): string {
  return name === undefined ? id || 'not named' : `${name} (${id})`
}

type Rule = readonly [
  name: string,
  check: () => true | { readonly expected: string; readonly received: string },
]

function judge(
  service: Service,
  api: Application,
  token: string,
  { parts, header = {}, claims = {} }: Read,
  keys: readonly PublishedKey[],
): ApiVerdict {
  const tenant = service.directory.tenants.get(written(claims['tid']))
  const version = api.tokenVersion
  const key = keys.find(({ kid }) => kid === header['kid'])
  const now = service.clock.now()
  const unlike = (expected: string, received: unknown): { expected: string; received: string } => ({
    expected,
    received: written(received, 'nothing').slice(0, 200),
  })
  const rules: readonly Rule[] = [
    ['format', () => parts.length === 3 || unlike('three parts', parts.length)],
    ['names', () => hasOnceEach(parts[1] ?? '') || unlike('each claim once', 'one of them twice')],
    ['algorithm', () => header['alg'] === 'RS256' || unlike('RS256', header['alg'])],
    ['extensions', () => header['crit'] === undefined || unlike('no crit', JSON.stringify(header['crit']))],
    ['version', () => claims['ver'] === version || unlike(version, claims['ver'])],
    [
      'issuer',
      () => {
        const expected = issuerOf(service, tenant?.id ?? '{tenantid}', version)
        return (tenant !== undefined && claims['iss'] === expected) || unlike(expected, claims['iss'])
      },
    ],
    ['signing key', () => key !== undefined || unlike('a key of the set', header['kid'])],
    ['issuer of the key', () => isKeyOf(service, key, tenant) || unlike('a key of this tenant', key?.issuer)],
    [
      'signature',
      () =>
        (key !== undefined && isSigned(token, parts, key)) || unlike('a signature by that key', 'another'),
    ],
    [
      'audience',
      () => {
        const known = version === '2.0' ? [api.appId] : [api.appId, ...api.identifierUris]
        return known.some((name) => name === claims['aud']) || unlike(known.join(' or '), claims['aud'])
      },
    ],
    [
      'not before',
      () => isNumber(claims['nbf'], (time) => time <= now) || unlike('a time that has come', claims['nbf']),
    ],
    [
      'expiry',
      () => isNumber(claims['exp'], (time) => now < time) || unlike('a time to come', claims['exp']),
    ],
    [
      'issued',
      () => isNumber(claims['iat'], (time) => time <= now) || unlike('a time that has come', claims['iat']),
    ],
    [
      'kind',
      () =>
        (claims['appid'] ?? claims['azp']) !== undefined && claims['nonce'] === undefined
          ? true
          : unlike('an access token', 'an id token'),
    ],
    ['binding', () => claims['cnf'] === undefined || unlike('no cnf', 'a token bound to its sender')],
    [
      'permissions',
      () => (claims['scp'] ?? claims['roles']) !== undefined || unlike('scp or roles', 'neither'),
    ],
  ]
  const checks: Check[] = []
  let isFailed = false
  for (const [name, check] of rules) {
    if (isFailed) {
      checks.push({ name, result: 'not reached' })
      continue
    }
    const outcome = check()
    if (outcome === true) checks.push({ name, result: 'ok' })
    else {
      isFailed = true
      checks.push({ name, result: 'failed', ...outcome })
    }
  }
  const challenge = `Bearer error="invalid_token", error_description="The ${checks.find(({ result }) => result === 'failed')?.name ?? ''} does not hold"`
  return { api, isAccepted: !isFailed, checks, ...(isFailed ? { challenge } : {}) }
}

function isNumber(value: unknown, fits: (time: number) => boolean): boolean {
  return typeof value === 'number' && fits(value)
}

/** A name that is there twice means one thing to one reader and another to the next. */
function hasOnceEach(part: string): boolean {
  const text = Buffer.from(part, 'base64url').toString('utf8')
  const names = new Set<string>()
  let depth = 0
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (piece === '{' || piece === '[') depth += 1
    else if (piece === '}' || piece === ']') depth -= 1
    else if (depth === 1 && piece.endsWith(':')) {
      if (names.has(piece)) return false
      names.add(piece)
    }
  }
  return true
}

function isKeyOf(service: Service, key: PublishedKey | undefined, tenant: Tenant | undefined): boolean {
  if (key === undefined || tenant === undefined) return false
  const isOfCloud = key.cloud_instance_name === service.cloudInstanceName
  const filled = key.issuer.replaceAll('{tenantid}', tenant.id)
  return isOfCloud && filled === issuerOf(service, tenant.id, '2.0')
}

function isSigned(token: string, parts: readonly string[], { kty, n, e }: PublishedKey): boolean {
  try {
    const key = createPublicKey({ key: { kty, n, e }, format: 'jwk' })
    const input = Buffer.from(token.slice(0, token.lastIndexOf('.')))
    return verify('sha256', input, key, Buffer.from(parts[2] ?? '', 'base64url'))
  } catch {
    return false
  }
}

/** Stories, the most frequent first. */
function storyOf(
  service: Service,
  header: Json,
  claims: Json,
  verdicts: readonly ApiVerdict[],
): Pick<Inspection, 'story'> {
  const told = (why: string, fix: string): Pick<Inspection, 'story'> => ({ story: { why, fix } })
  const now = service.clock.now()
  if (verdicts.some(({ isAccepted }) => isAccepted)) return {}
  if (header['nonce'] !== undefined || claims['aud'] === graphAppId) {
    return told(
      'This is a token for Microsoft Graph: the client asked for a scope of Graph.',
      'Ask for a scope of the API itself, such as api://<API>/<scope>.',
    )
  }
  if (claims['appid'] === undefined && claims['azp'] === undefined) {
    return told(
      'This is an id token: it tells the client who signed in.',
      'Send the access token to the API.',
    )
  }
  if (typeof header['alg'] === 'string' && header['alg'] !== 'RS256') {
    return told(
      `It is signed with ${header['alg']}.`,
      'No token of this service is; somebody made it by hand.',
    )
  }
  const issuer = written(claims['iss'])
  if (
    /^https:\/\/(sts\.windows\.net|login\.microsoftonline\.)/.test(issuer) &&
    !service.issuers.v2.startsWith('https://login.')
  ) {
    return told('It comes from the real Entra ID, not from this emulator.', 'Ask the emulator for a token.')
  }
  if (typeof claims['exp'] === 'number' && claims['exp'] <= now) {
    const late = Math.round(now - claims['exp'])
    return told(`It expired ${late} s ago, by the emulator's clock.`, 'Ask for a new one, or set the clock.')
  }
  if (typeof claims['nbf'] === 'number' && claims['nbf'] > now) {
    return told("It is not valid yet, by the emulator's clock.", 'Compare the clocks.')
  }
  const wrong = verdicts.find(
    ({ checks }) => checks.find(({ result }) => result === 'failed')?.name === 'version',
  )
  if (wrong !== undefined && wrong.checks.some(({ received }) => received === '1.0' || received === '2.0')) {
    const isForIt = [wrong.api.appId, ...wrong.api.identifierUris].some((name) => name === claims['aud'])
    if (isForIt) {
      return told(
        `It is of v${written(claims['ver'])}, and the API ${wrong.api.displayName} gets tokens of v${wrong.api.tokenVersion}.`,
        'The API chooses by api.requestedAccessTokenVersion.',
      )
    }
  }
  if (!guidPattern.test(written(claims['tid'])) || !service.directory.tenants.has(written(claims['tid']))) {
    const isPersonal = claims['tid'] === consumersTenantId
    return told(
      isPersonal ? 'It is of a personal account.' : 'It is of a tenant this registration does not have.',
      'Sign in to a tenant that is registered.',
    )
  }
  return {}
}
