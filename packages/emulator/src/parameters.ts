import { EntraError, type AadstsCode } from './errors.js'

/** The parameters of one request. An empty one counts as absent (RFC 6749 §3.1). */
export interface Parameters {
  get(name: string): string | undefined
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
    require(name, missing = 900144) {
      const value = values.get(name)
      if (value === undefined) throw new EntraError(missing, { parameter: name })
      return value
    },
  }
}

/** The capabilities (`xms_cc`) in a `claims` parameter; whatever else it asks for is read over. */
export function readCapabilities(claims: string | undefined): string[] {
  if (claims === undefined) return []
  let parsed: unknown
  try {
    parsed = JSON.parse(claims)
  } catch {
    throw new EntraError(9002313)
  }
  const values = member(member(member(parsed, 'access_token'), 'xms_cc'), 'values')
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string').slice(0, 10) : []
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}
