import { EntraError } from '../base/errors.js'
import { isReservedClaim } from '../tokens/reserved-claims.js'

/** A token that is about to be issued. */
export interface TokenIssuance {
  /** What kind of token it is. */
  readonly kind: 'accessToken' | 'idToken'
  /** The tenant's id. */
  readonly tenantId: string
  /** The client, by appId. */
  readonly clientId: string
  /** The API of an access token, by appId; of an id token, the client. */
  readonly resourceId: string
  /** The user, by object id. Undefined for an application that acts as itself. */
  readonly userId: string | undefined
  /** The claims as they would be issued: a copy. */
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * Called before a token is signed, as a custom claims provider of Entra ID is (onTokenIssuanceStart). What it returns
 * joins the claims or replaces them; claims that the protocol needs cannot be changed. A hook that throws, returns anything
 * but an object of claims or undefined, or does not settle within two seconds ends the request with AADSTS1100001.
 * A hook that blocks the process cannot be ended.
 */
export type TokenIssuanceHook = (
  issuance: TokenIssuance,
) => Readonly<Record<string, unknown>> | undefined | Promise<Readonly<Record<string, unknown>> | undefined>

/** As long as Entra waits for a custom claims provider, on the machine's clock. */
const deadlineMilliseconds = 2000
const mostCharacters = 100_000

/** The claims that the hook adds. Throws AADSTS1100001 for everything else that it does. */
export async function hookClaims(
  hook: TokenIssuanceHook,
  issuance: TokenIssuance,
): Promise<Readonly<Record<string, unknown>>> {
  const late = Symbol('late')
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<typeof late>((resolve) => {
    timer = setTimeout(() => resolve(late), deadlineMilliseconds)
  })
  let text: string | undefined
  try {
    // Within the async function, so that a hook that throws at once, and a result with a hostile `then`, reject.
    const called = (async () => hook({ ...issuance, claims: structuredClone(issuance.claims) }))()
    called.catch(() => {})
    const result: unknown = await Promise.race([called, deadline])
    if (result === late) throw refusal('did not settle within two seconds')
    if (result === undefined) return {}
    if (typeof result !== 'object' || result === null || Array.isArray(result))
      throw refusal('returned no object')
    text = JSON.stringify(result)
  } catch (error) {
    // What it threw may hold a secret: it is not repeated.
    throw error instanceof EntraError ? error : refusal('threw')
  } finally {
    clearTimeout(timer)
  }
  if (text === undefined || text.length > mostCharacters) throw refusal('returned no claims, or too many')
  const claims: unknown = JSON.parse(text)
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw refusal('returned no object')
  if (Object.keys(claims).some(isReservedClaim)) throw refusal('returned a claim that the protocol needs')
  return { ...claims }
}

function refusal(problem: string): EntraError {
  process.emitWarning(`onTokenIssuanceStart ${problem}: no token is issued`, 'CountersignEmulatorWarning')
  return new EntraError(1100001)
}
