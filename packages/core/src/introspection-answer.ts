import { isSigningAlgorithm } from './algorithms.js'
import { checkAudience, claim, type Claims } from './claims.js'
import { FetchError } from './fetch-json.js'
import type { IssuerRules } from './issuer.js'
import { isJsonObject } from './json.js'
import type { KeyStore } from './key-store.js'
import { readToken } from './token.js'
import { platform } from '#platform'

const maxAnswerBytes = 256 * 1024
/** How old a signed answer may be: it is made for the request that it answers. */
const maxAnswerAgeSeconds = 300

/**
 * The claims in a signed introspection answer (RFC 9701 section 5): by a key of the issuer, for this API, made just now.
 * Throws where any of it does not hold.
 */
export async function readSignedAnswer(
  text: string,
  rules: IssuerRules,
  keys: KeyStore,
  clientId: string,
  now: number,
): Promise<Claims> {
  const parts = readToken(text, maxAnswerBytes, new Map())
  const { alg, typ, kid, x5t, crit, b64 } = parts.unverifiedHeader
  const isAnswer = typeof typ === 'string' && /^(application\/)?token-introspection\+jwt$/i.test(typ)
  if (!isAnswer || crit !== undefined || b64 !== undefined) throw new FetchError('answer')
  if (!isSigningAlgorithm(alg) || !rules.algorithms.includes(alg)) throw new FetchError('answer')
  const wanted = {
    kid: typeof kid === 'string' ? kid : undefined,
    x5t: typeof x5t === 'string' ? x5t : undefined,
    algorithm: alg,
  }
  const candidates = await keys.find(wanted, () => {})
  let isValid = false
  for (const key of candidates.keys) isValid ||= await platform.verify(key, alg, parts)
  if (!isValid) throw new FetchError('answer')
  const claims = parts.unverifiedClaims
  if (!rules.issuers.includes(String(claim(claims, 'iss')))) throw new FetchError('answer')
  checkAudience(claims, [clientId])
  const issuedAt = claim(claims, 'iat')
  if (typeof issuedAt !== 'number' || Math.abs(now - issuedAt) > maxAnswerAgeSeconds)
    throw new FetchError('answer')
  const answer = claim(claims, 'token_introspection')
  if (!isJsonObject(answer)) throw new FetchError('answer')
  return answer
}
