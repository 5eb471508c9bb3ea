import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { compactVerify } from 'jose/jws/compact/verify'
import { EntraError } from '../base/errors.js'
import type { Service } from '../instance/service.js'

/*
 * Loaded at the first token that is sent to the emulator: most runs only issue tokens, and loading jose is a sixth of
 * the start-up time.
 */

/**
 * The claims of a token that was signed with a listed key of this instance; else throws an EntraError, as for an
 * assertion. Does not check the claims.
 */
export async function verifiedClaims(
  service: Service,
  text: string,
): Promise<Readonly<Record<string, unknown>>> {
  let kid: string | undefined
  try {
    kid = decodeProtectedHeader(text).kid
  } catch {
    throw new EntraError(50013, { reason: 'The provided assertion is malformed.' })
  }
  const key = kid === undefined ? undefined : await service.keys.find(kid)
  if (key === undefined) throw new EntraError(50013, { reason: 'The key was not found.' })
  try {
    const { payload } = await compactVerify(text, key, { algorithms: ['RS256'] })
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    if (typeof claims === 'object' && claims !== null) return { ...claims }
  } catch {
    throw new EntraError(50013, { reason: 'The key was found, but the provided signature is not valid.' })
  }
  throw new EntraError(50013, { reason: 'The provided assertion is malformed.' })
}
