import { withinTime } from './deadline.js'
import {
  secretText,
  type IntrospectionAuthentication,
  type IntrospectionCredentials,
  type IntrospectionRules,
} from './introspection.js'
import { isJsonObject } from './json.js'
import { rulesOf, createTrustedIssuer, type IssuerRules, type TrustedIssuer } from './issuer.js'
import { oidcIssuer, type OidcIssuerOptions } from './oidc.js'
import {
  checkNames,
  checkObject,
  readSeconds,
  readString,
  readStringList,
  readUrl,
} from './options-reader.js'

/** Options of `introspectedIssuer`, beside those of `oidcIssuer`. */
export interface IntrospectedIssuerOptions extends OidcIssuerOptions {
  /** The introspection endpoint (RFC 7662). */
  readonly introspectionUrl: string
  /** How this API authenticates there. */
  readonly authentication: IntrospectionAuthentication
  /**
   * Which tokens are introspected. `'opaque'`: tokens that are not JWTs; the answer replaces the token's content, and its JWTs
   * are refused. `'jwt'`: JWTs, after their signature was verified; the answer is added to the claims (lightweight access
   * tokens of Keycloak), and opaque tokens are refused. Default: `'opaque'`.
   */
  readonly tokens?: 'opaque' | 'jwt' | undefined
  /** Require answers that the issuer signs (RFC 9701) for this client id of the API. Default: plain JSON. */
  readonly signedAnswersFor?: string | undefined
  /** How long an answer is used, never beyond `exp`: what a revocation may take. Default: 60, from 0 to 3600. */
  readonly maxAgeSeconds?: number | undefined
}

/**
 * An issuer whose tokens are introspected (RFC 7662). Its answers follow the same rules as the claims of a JWT: audience,
 * times, client, kind, required claims, permission. A token that is not active is refused with 401. A wrong credential of
 * this API, an outage and an unreadable answer are 503, reported to `onIntrospectionFailed`. Throws a TypeError if an option
 * is wrong, missing or unknown.
 *
 * It never sends a JWT in place of a check: not that of another issuer, and not one whose signature failed. An answer without
 * `exp` is used for `maxAgeSeconds`. One validator has at most one issuer of opaque tokens, since these do not name theirs.
 *
 * @example
 * ```ts
 * import { createTokenValidator, introspectedIssuer } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: introspectedIssuer({
 *     issuer: 'https://id.example',
 *     introspectionUrl: 'https://id.example/introspect',
 *     authentication: { clientId: 'orders-api', clientSecret: () => process.env.ORDERS_SECRET ?? '' },
 *     audience: 'https://orders.example',
 *   }),
 * })
 * ```
 */
export function introspectedIssuer(options: IntrospectedIssuerOptions): TrustedIssuer {
  const what = 'introspectedIssuer'
  checkObject(what, options)
  const { introspectionUrl, authentication, tokens, signedAnswersFor, maxAgeSeconds, ...settings } =
    options as unknown as IntrospectedIssuerOptions
  const rules = rulesOf(oidcIssuer(settings)) as IssuerRules
  const plainHttpHosts =
    settings.allowPlainHttpHosts === undefined
      ? []
      : readStringList(what, 'allowPlainHttpHosts', settings.allowPlainHttpHosts)
  if (tokens !== undefined && tokens !== 'opaque' && tokens !== 'jwt') {
    throw new TypeError(`${what}: "tokens" must be 'opaque' or 'jwt'`)
  }
  if (tokens !== 'jwt' && settings.tokenType === 'rfc9068') {
    throw new TypeError(`${what}: "tokenType" must not be 'rfc9068' for opaque tokens, which have no header`)
  }
  const introspection: IntrospectionRules = {
    url: readUrl(what, 'introspectionUrl', introspectionUrl, plainHttpHosts),
    tokens: tokens ?? 'opaque',
    maxAgeSeconds: readSeconds(what, 'maxAgeSeconds', maxAgeSeconds ?? 60, { from: 0, to: 3600 }),
    credentials: readAuthentication(what, authentication),
    ...(signedAnswersFor === undefined
      ? {}
      : { signed: { clientId: readString(what, 'signedAnswersFor', signedAnswersFor) } }),
  }
  return createTrustedIssuer({ ...rules, name: `${what}(${rules.issuers[0]})`, introspection })
}

function readAuthentication(what: string, authentication: unknown): () => Promise<IntrospectionCredentials> {
  if (typeof authentication === 'function') {
    const credentials = authentication as () => unknown
    return async () => readCredentials(await withinTime(credentials()))
  }
  checkObject(`${what}: authentication`, authentication)
  if ('bearerToken' in authentication) {
    checkNames(`${what}: authentication`, authentication, ['bearerToken'])
    const { bearerToken } = authentication
    checkSecret(what, 'bearerToken', bearerToken)
    return async () => ({ headers: { authorization: `Bearer ${await secretText(bearerToken)}` } })
  }
  checkNames(`${what}: authentication`, authentication, ['clientId', 'clientSecret'])
  const clientId = readString(`${what}: authentication`, 'clientId', authentication.clientId)
  const { clientSecret } = authentication
  checkSecret(what, 'clientSecret', clientSecret)
  return async () => {
    // Both are form-encoded before they are joined (RFC 6749 section 2.3.1).
    const pair = `${formEncoded(clientId)}:${formEncoded(await secretText(clientSecret))}`
    return { headers: { authorization: `Basic ${btoa(pair)}` } }
  }
}

function checkSecret(what: string, name: string, value: unknown): void {
  if (typeof value !== 'function') readString(`${what}: authentication`, name, value)
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

/** What an application's function returned. Throws where it is not what it should be. */
function readCredentials(value: unknown): IntrospectionCredentials {
  if (!isJsonObject(value)) throw new TypeError('not credentials')
  const { headers = {}, parameters = {} } = value
  for (const record of [headers, parameters]) {
    const isRecord = isJsonObject(record) && Object.values(record).every((text) => typeof text === 'string')
    if (!isRecord) throw new TypeError('not credentials')
  }
  return { headers, parameters } as IntrospectionCredentials
}
