import {
  claim,
  groupsOverage,
  hasGroupsOverage,
  isStrings,
  optionalString,
  words,
  type Claims,
  type Groups,
} from './claims.js'
import {
  compileSources,
  readOneString,
  readStrings,
  readWords,
  stringsIn,
  type ClaimSource,
  type CompiledSource,
} from './claim-source.js'
import { BearerError } from './errors.js'
import { checkNames, checkObject } from './options-reader.js'
import { compileShape, findMismatch, type CompiledShape, type Shape } from './shape.js'
import type { TokenIdentity, TokenKind } from './validated-token.js'

/**
 * Where an issuer puts what the checks and the validated token need. Several sources: for the client the first that has a
 * value decides, for the rest all are joined. A value that cannot be read grants nothing.
 */
export interface ClaimSources {
  /** The id of the client that called. Default: `client_id`, then `azp`. */
  readonly clientId?: ClaimSource | readonly ClaimSource[] | undefined
  /** Granted scopes: a string of words or a list. Default: `scope`, or `scp` where there is no `scope`. */
  readonly scopes?: ClaimSource | readonly ClaimSource[] | undefined
  /** Roles: a list, or one string. Default: `roles`. */
  readonly roles?: ClaimSource | readonly ClaimSource[] | undefined
  /** Groups: a list, or one string. Default: `groups`. */
  readonly groups?: ClaimSource | readonly ClaimSource[] | undefined
}

/**
 * How an issuer's application tokens are distinguished from its users' tokens: by two shapes, of which exactly one must match, or by
 * a function. Both or none, or an answer that is not a kind: `unknown`, which satisfies only permissions without a kind.
 */
export type KindRule =
  | {
      /** What a token has that a client got as itself. */
      readonly application?: Shape | undefined
      /** What a token has that a client got on behalf of a user. */
      readonly delegated?: Shape | undefined
    }
  | ((claims: Claims) => TokenKind)

/** Reads what a token says where no vendor's rules apply. */
export type IdentityReader = (claims: Claims) => TokenIdentity

/** Reads the sources and the rule of an issuer. Throws a TypeError where one is malformed. */
export function compileIdentity(
  what: string,
  sources: ClaimSources | undefined,
  kind: KindRule | undefined,
): IdentityReader {
  const { clientId, scopes, roles, groups } = compileClaimSources(what, sources)
  const kindOf = compileKind(what, kind)
  return (claims) => {
    const subject = optionalString(claims, 'sub')
    const client = readOneString(clientId, claims)
    return {
      kind: kindOf(claims, subject, client),
      subject,
      clientId: client,
      scopes: scopes === undefined ? readDefaultScopes(claims) : readWords(scopes, claims),
      roles: readStrings(roles, claims),
      groups: readGroupsOf(groups, claims),
    }
  }
}

function compileClaimSources(what: string, sources: ClaimSources = {}) {
  const where = `${what}: claims`
  checkObject(where, sources)
  checkNames(where, sources, ['clientId', 'scopes', 'roles', 'groups'])
  return {
    clientId: compileSources(where, 'clientId', sources.clientId ?? ['client_id', 'azp']),
    scopes: sources.scopes === undefined ? undefined : compileSources(where, 'scopes', sources.scopes),
    roles: compileSources(where, 'roles', sources.roles ?? 'roles'),
    groups: compileSources(where, 'groups', sources.groups ?? 'groups'),
  }
}

const noScopes: readonly string[] = Object.freeze([])

function readDefaultScopes(claims: Claims): readonly string[] {
  const name = claim(claims, 'scope') === undefined ? 'scp' : 'scope'
  const value = claim(claims, name)
  if (value === undefined) return noScopes
  if (typeof value === 'string') return words(value)
  if (isStrings(value)) return value
  throw new BearerError('claim_malformed', { claim: name })
}

function readGroupsOf(sources: readonly CompiledSource[], claims: Claims): Groups | undefined {
  if (hasGroupsOverage(claims)) return groupsOverage
  const values = sources.map((source) => source.read(claims)).filter((value) => value !== undefined)
  if (values.length === 0) return undefined
  return Object.freeze({ overage: false, ids: Object.freeze(values.flatMap(stringsIn)) })
}

type KindReader = (claims: Claims, subject: string | undefined, clientId: string | undefined) => TokenKind

function compileKind(what: string, rule: KindRule | undefined): KindReader {
  if (rule === undefined) return defaultKind
  if (typeof rule === 'function') return (claims) => kindByFunction(rule, claims)
  const where = `${what}: kind`
  checkObject(where, rule)
  checkNames(where, rule, ['application', 'delegated'])
  const { application, delegated } = rule
  if (application === undefined && delegated === undefined) {
    throw new TypeError(`${where}: must have "application" or "delegated"`)
  }
  const shapes = {
    application: application && compileShape(where, 'application', application),
    delegated: delegated && compileShape(where, 'delegated', delegated),
  }
  return (claims) => {
    const isApplication = isOf(shapes.application, claims)
    if (isApplication === isOf(shapes.delegated, claims)) return 'unknown'
    return isApplication ? 'application' : 'delegated'
  }
}

function isOf(shape: CompiledShape | undefined, claims: Claims): boolean {
  return shape !== undefined && findMismatch(shape, claims) === undefined
}

function kindByFunction(rule: (claims: Claims) => TokenKind, claims: Claims): TokenKind {
  let kind: unknown
  try {
    kind = rule(claims)
  } catch {
    throw new BearerError('check_unavailable', { reason: 'kind' })
  }
  return kind === 'application' || kind === 'delegated' ? kind : 'unknown'
}

const signsOfSignIn = ['auth_time', 'amr', 'sid', 'nonce']

/**
 * A client that acts as itself has its own id as subject (RFC 9068 section 2.2). A missing subject proves nothing: some
 * issuers leave it out of users' tokens, others out of clients'.
 */
function defaultKind(claims: Claims, subject: string | undefined, clientId: string | undefined): TokenKind {
  if (subject === undefined) return 'unknown'
  if (subject !== clientId) return 'delegated'
  return signsOfSignIn.some((name) => claim(claims, name) !== undefined) ? 'unknown' : 'application'
}
