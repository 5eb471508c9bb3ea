import { EntraError, type AadstsCode } from './errors.js'

/** The parameters of one request. An empty one counts as absent (RFC 6749 §3.1). */
export interface Parameters {
  get(name: string): string | undefined
  /** Whether the parameter is there, also if it is empty. */
  isSent(name: string): boolean
  /** The parameter, or a refusal: AADSTS900144 unless another code is given. */
  require(name: string, missing?: AadstsCode): string
}

/** Reads a parsed query or form. A parameter that is there twice is refused with AADSTS9000411. */
export function readParameters(parsed: unknown): Parameters {
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(parsed ?? {})) {
    if (typeof value !== 'string') throw new EntraError(9000411, { parameter: name })
    if (value !== '') values.set(name, value)
  }
  return {
    get: (name) => values.get(name),
    isSent: (name) => Object.hasOwn(parsed ?? {}, name),
    require(name, missing = 900144) {
      const value = values.get(name)
      if (value === undefined) throw new EntraError(missing, { parameter: name })
      return value
    },
  }
}

/** What a `claims` parameter asks of the access token. */
export interface ClaimsRequest {
  /** `xms_cc`: what the client can handle. */
  readonly capabilities: readonly string[]
  /** `acrs`: authentication contexts. */
  readonly contexts: readonly string[]
  /** `capolids`: Conditional Access policies that stopped an earlier request. */
  readonly policies: readonly string[]
  /** `nbf`: the token must not be older, seconds since the epoch. */
  readonly notBefore: number | undefined
}

const nothing: ClaimsRequest = { capabilities: [], contexts: [], policies: [], notBefore: undefined }

/** Reads a `claims` parameter; everything else in it is ignored (MSAL asks for more). */
export function readClaims(claims: string | undefined): ClaimsRequest {
  if (claims === undefined) return nothing
  let parsed: unknown
  try {
    parsed = JSON.parse(claims)
  } catch {
    throw new EntraError(9002313)
  }
  const asked = (name: string): string[] => {
    const claim = member(member(parsed, 'access_token'), name)
    const values = [member(claim, 'value'), member(claim, 'values')].flat()
    return values.filter((value) => typeof value === 'string').slice(0, 20)
  }
  const [nbf] = asked('nbf')
  return {
    capabilities: asked('xms_cc'),
    contexts: asked('acrs'),
    policies: asked('capolids').map((id) => id.toLowerCase()),
    notBefore: nbf !== undefined && /^\d{1,12}$/.test(nbf) ? Number(nbf) : undefined,
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}
