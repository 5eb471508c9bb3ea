import { claim, type Claims } from './claims.js'
import { BearerError } from './errors.js'
import { compileShape, findMismatch, type CompiledShape, type Shape } from './shape.js'
import { checkNames, checkObject } from './options-reader.js'

/** A rule of an issuer for what its access tokens look like. All parts that are given must hold. */
export interface TokenTypeRule {
  /**
   * What the header of an access token has. The value of `typ` is compared in lower case and without the prefix
   * `application/` (RFC 7515 section 4.1.9).
   */
  readonly header?: Shape | undefined
  /** What the payload of an access token has, or (with `absent`) does not have. */
  readonly claims?: Shape | undefined
  /**
   * Accept `nonce` in a token without `scope` and `scp`. Only for issuers whose access tokens carry it (Authentik, Azure
   * AD B2C, Keycloak before version 25): it is otherwise a mark of an id token. Default: false.
   */
  readonly allowNonce?: boolean | undefined
}

/**
 * How an issuer's access tokens are distinguished from its other tokens. `'rfc9068'`: the header says `at+jwt`, and every claim that
 * RFC 9068 section 2.2 requires is there. `'id_token'`: the issuer's id tokens are accepted on purpose, and all marks of an
 * id token with them. A rule: what the issuer's access tokens look like.
 */
export type TokenType = 'rfc9068' | 'id_token' | TokenTypeRule

/** Checks header and payload, before the signature. Throws a refusal for a token that is not an access token. */
export type TokenTypeCheck = (header: Readonly<Record<string, unknown>>, claims: Claims) => void

/** Claims that only an id token has (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11, FAPI 1.0 part 2 section 5.1). */
const idTokenClaims = ['at_hash', 'c_hash', 's_hash']

/** Claims of other tokens that an authorization server or a client signs, each never in an access token. */
const claimsOfOtherTypes = [
  'events', // a security event or logout token (RFC 8417 section 2.2)
  'token_introspection', // a signed introspection answer (RFC 9701 section 5)
  'response_type', // a request object (RFC 9101 section 4)
  'htm', // a DPoP proof (RFC 9449 section 4.2)
]

/** Claims of a signed authorization response (JARM), which has no subject. An access token may use the names for its own. */
const claimsOfAuthorizationResponse = ['code', 'state', 'error', 'access_token', 'id_token']

/** Reads the rule of an issuer. Throws a TypeError where it is malformed. */
export function compileTokenType(what: string, tokenType: TokenType | undefined): TokenTypeCheck {
  if (tokenType === 'id_token') return checkOtherTypes
  if (tokenType === undefined) return (_header, claims) => checkMarks(claims, false)
  if (tokenType === 'rfc9068') {
    return (header, claims) => {
      checkMarks(claims, true)
      checkRfc9068(header, claims)
    }
  }
  return compileRule(what, tokenType)
}

function compileRule(what: string, rule: TokenTypeRule): TokenTypeCheck {
  const where = `${what}: tokenType`
  checkObject(where, rule)
  checkNames(where, rule, ['header', 'claims', 'allowNonce'])
  const { header, claims, allowNonce = false } = rule
  if (typeof allowNonce !== 'boolean') throw new TypeError(`${where}: "allowNonce" must be true or false`)
  if (header === undefined && claims === undefined && !allowNonce) {
    throw new TypeError(`${where}: must have "header", "claims" or "allowNonce"`)
  }
  const expectedHeader =
    header === undefined ? [] : compileShape(where, 'header', readHeaderShape(where, header))
  const expectedClaims = claims === undefined ? [] : compileShape(where, 'claims', claims)
  return (tokenHeader, tokenClaims) => {
    checkMarks(tokenClaims, allowNonce)
    checkShape(expectedHeader, normalizedHeader(tokenHeader))
    checkShape(expectedClaims, tokenClaims)
  }
}

function checkShape(shape: CompiledShape, object: Claims): void {
  const mismatch = findMismatch(shape, object)
  if (mismatch !== undefined) {
    throw new BearerError('token_type_mismatch', { claim: mismatch, reason: 'token_type_rule' })
  }
}

/** The marks of other tokens that hold for every issuer. */
function checkMarks(claims: Claims, allowNonce: boolean): void {
  for (const name of idTokenClaims) {
    if (claim(claims, name) !== undefined) throw new BearerError('id_token', { claim: name })
  }
  if (claim(claims, 'token_use') === 'id') throw new BearerError('id_token', { claim: 'token_use' })
  if (claim(claims, 'typ') === 'ID') throw new BearerError('id_token', { claim: 'typ' })
  if (!allowNonce && claim(claims, 'nonce') !== undefined && !hasScope(claims)) {
    throw new BearerError('id_token', { claim: 'nonce', reason: 'nonce_without_scope' })
  }
  checkOtherTypes({}, claims)
}

function checkOtherTypes(_header: object, claims: Claims): void {
  for (const name of claimsOfOtherTypes) {
    if (claim(claims, name) !== undefined) throw new BearerError('token_type_mismatch', { claim: name })
  }
  if (claim(claims, 'sub') !== undefined) return
  for (const name of claimsOfAuthorizationResponse) {
    if (claim(claims, name) !== undefined) throw new BearerError('token_type_mismatch', { claim: name })
  }
}

function hasScope(claims: Claims): boolean {
  return claim(claims, 'scope') !== undefined || claim(claims, 'scp') !== undefined
}

/** RFC 9068 sections 2.1, 2.2 and 4; `iss`, `exp` and `aud` are required by the checks of those names. */
function checkRfc9068(header: Readonly<Record<string, unknown>>, claims: Claims): void {
  if (normalizedType(header.typ) !== 'at+jwt') {
    throw new BearerError('token_type_mismatch', { claim: 'typ', reason: 'at_jwt_required' })
  }
  for (const name of ['sub', 'client_id', 'jti']) {
    const value = claim(claims, name)
    if (typeof value !== 'string' || value === '') throw missing(name)
  }
  if (typeof claim(claims, 'iat') !== 'number') throw missing('iat')
}

function missing(name: string): BearerError {
  return new BearerError('claim_missing', { claim: name, reason: 'rfc9068' })
}

function normalizedHeader(header: Readonly<Record<string, unknown>>): Claims {
  return header.typ === undefined ? header : { ...header, typ: normalizedType(header.typ) }
}

function readHeaderShape(where: string, header: unknown): Shape {
  checkObject(`${where}: "header"`, header)
  const { typ } = header as Shape
  if (Array.isArray(typ)) return { ...(header as Shape), typ: typ.map(normalizedType) as string[] }
  return typeof typ === 'string'
    ? { ...(header as Shape), typ: normalizedType(typ) as string }
    : (header as Shape)
}

function normalizedType(typ: unknown): unknown {
  return typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : typ
}
