import { claim } from './claims.js'
import type { ValidatedToken } from './validated-token.js'

/**
 * Whether the client of a token says that it understands claims challenges: it declares the capability `cp1` (claim `xms_cc`,
 * in whatever case). It gets one only where its issuer understands them too: Entra.
 */
export function hasClaimsCapability(token: ValidatedToken): boolean {
  const value = claim(token.claims, 'xms_cc')
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.some((word) => typeof word === 'string' && word.toLowerCase() === 'cp1')
}

/**
 * The parameters of a claims challenge: which claims the next access token must have (Entra documentation, "Claims challenges,
 * claims requests, and client capabilities").
 */
export function claimsChallenge(
  authorizationUri: string,
  accessToken: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  return { authorization_uri: authorizationUri, claims: btoa(JSON.stringify({ access_token: accessToken })) }
}
