import { createPublicKey, verify } from 'node:crypto'
import type { Application, Tenant } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'
import type { PublishedKey } from '../keys/types.js'
import { type Read, written } from './token.js'

/** One check of a token, as an API makes it. */
export interface Check {
  /** What is checked, in a word or two. */
  readonly name: string
  /** Not reached: an API stops at the first failure. */
  readonly result: 'ok' | 'failed' | 'not reached'
  /** What the API expects. Of a check that is not reached only if it would fail as well. */
  readonly expected?: string
  /** What the token has, likewise. */
  readonly received?: string
}

/** Whether one registered API would accept a token. */
export interface ApiVerdict {
  /** The API. */
  readonly api: Pick<Application, 'appId' | 'displayName' | 'identifierUris' | 'tokenVersion'>
  /** Whether every check holds. */
  readonly isAccepted: boolean
  /** In the order in which they are made. */
  readonly checks: readonly Check[]
  /** What an API would answer. */
  readonly challenge?: string
}

type Rule = readonly [
  name: string,
  holds: () => boolean,
  /** What the API expects, and what the token has. */
  expected: string,
  received: unknown,
]

/** A server accepts no longer header by default (Node: 16 KiB for all of them). */
const mostCharacters = 16 * 1024

/** `isSignedHere`: the signature was left out of a token that this service has signed. */
export function verdictOf(
  service: Service,
  api: Application,
  token: string,
  { parts, header = {}, claims = {} }: Read,
  keys: readonly PublishedKey[],
  isSignedHere = false,
): ApiVerdict {
  const tenant = service.directory.tenants.get(written(claims['tid']))
  const version = api.tokenVersion
  const key = keys.find(({ kid }) => kid === header['kid'])
  const now = service.clock.now()
  const issuer = issuerOf(service, tenant?.id ?? '{tenantid}', version)
  const audiences = version === '2.0' ? [api.appId] : [api.appId, ...api.identifierUris]
  const isAccessToken = (claims['appid'] ?? claims['azp']) !== undefined && claims['nonce'] === undefined
  const hasGoodSignature = key !== undefined && (isSignedHere || isSigned(token, parts, key))
  const permissions = claims['scp'] ?? claims['roles']
  const rules: readonly Rule[] = [
    ['length', () => token.length <= mostCharacters, `at most ${mostCharacters}`, token.length],
    ['format', () => parts.length === 3, 'three parts', parts.length === 3 ? 'three parts' : parts.length],
    [
      'names',
      () => hasOnceEach(parts[1] ?? ''),
      'each claim once',
      hasOnceEach(parts[1] ?? '') ? 'each claim once' : 'one of them twice',
    ],
    ['algorithm', () => header['alg'] === 'RS256', 'RS256', header['alg']],
    ['extensions', () => header['crit'] === undefined, 'no crit', header['crit'] ?? 'no crit'],
    ['version', () => claims['ver'] === version, version, claims['ver']],
    ['issuer', () => tenant !== undefined && claims['iss'] === issuer, issuer, claims['iss']],
    ['signing key', () => key !== undefined, 'a key of the set', header['kid']],
    ['issuer of the key', () => isKeyOf(service, key, tenant), 'a key of this tenant', key?.issuer],
    [
      'signature',
      () => hasGoodSignature,
      'a signature by that key',
      hasGoodSignature ? 'a signature by that key' : 'another',
    ],
    [
      'audience',
      () => audiences.some((name) => name === claims['aud']),
      audiences.join(' or '),
      claims['aud'],
    ],
    [
      'not before',
      () => isNumber(claims['nbf'], (time) => time <= now),
      'a time that has come',
      claims['nbf'],
    ],
    ['expiry', () => isNumber(claims['exp'], (time) => now < time), 'a time to come', claims['exp']],
    ['issued', () => isNumber(claims['iat'], (time) => time <= now), 'a time that has come', claims['iat']],
    ['kind', () => isAccessToken, 'an access token', isAccessToken ? 'an access token' : 'an id token'],
    [
      'binding',
      () => claims['cnf'] === undefined,
      'no cnf',
      claims['cnf'] === undefined ? 'no cnf' : 'a token bound to its sender',
    ],
    ['permissions', () => permissions !== undefined, 'scp or roles', permissions ?? 'neither'],
  ]
  const checks = run(rules)
  const failed = checks.find(({ result }) => result === 'failed')
  const { appId, displayName, identifierUris } = api
  const named = { appId, displayName, identifierUris, tokenVersion: version }
  if (failed === undefined) return { api: named, isAccepted: true, checks }
  const challenge = `Bearer error="invalid_token", error_description="The ${failed.name} does not hold"`
  return { api: named, isAccepted: false, checks, challenge }
}

/** Runs the rules in order. An API stops at the first that fails; the others say what else is wrong. */
function run(rules: readonly Rule[]): readonly Check[] {
  let isFailed = false
  return rules.map(([name, holds, expected, received]) => {
    const isGood = holds()
    const found = { expected, received: written(received, 'nothing').slice(0, 200) }
    if (isFailed) return { name, result: 'not reached' as const, ...(isGood ? {} : found) }
    isFailed = !isGood
    return { name, result: isGood ? ('ok' as const) : ('failed' as const), ...found }
  })
}

function isNumber(value: unknown, fits: (time: number) => boolean): boolean {
  return typeof value === 'number' && fits(value)
}

/** Whether each claim is there once: of two, one reader takes the first and another the last. */
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
