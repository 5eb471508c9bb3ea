import { BearerError } from './errors.js'

/**
 * Reads what follows `Bearer` in the `Authorization` header values of one request (RFC 6750 section 2.1, RFC 9110
 * section 11.4). The scheme is matched without regard to case. Refuses: no value → `credentials_missing`; several →
 * `authorization_repeated`; another scheme → `scheme_unsupported`; no scheme → `authorization_malformed`.
 *
 * It does not check that this is one token: `checkOneToken` does, for a text that was not accepted before.
 */
export function readBearerToken(values: readonly string[] | undefined): string {
  if (values === undefined || values.length === 0) throw new BearerError('credentials_missing')
  if (values.length > 1) throw new BearerError('authorization_repeated')
  const value = values[0]
  if (typeof value !== 'string') throw new BearerError('authorization_malformed')
  // The common spelling first: no pattern runs over the whole header of every request.
  if (value.startsWith('Bearer ') && value.charCodeAt(7) !== space) {
    return value.slice(7)
  }
  const match = /^([!#$%&'*+.^_`|~\dA-Za-z-]+)(?: +(.*))?$/s.exec(value)
  if (match === null) throw new BearerError('authorization_malformed')
  if (match[1]?.toLowerCase() !== 'bearer') throw new BearerError('scheme_unsupported')
  return match[2] ?? ''
}

/** The same, where the scheme may be `DPoP` too (RFC 9449 section 7.1). */
export function readBearerOrDpopToken(values: readonly string[] | undefined): string {
  if (!hasDpopScheme(values)) return readBearerToken(values)
  if (values.length > 1) throw new BearerError('authorization_repeated')
  return (values[0] as string).slice(4).replace(/^ +/, '')
}

/** Whether the first of the values begins with the scheme `DPoP`. */
export function hasDpopScheme(values: readonly string[] | undefined): values is readonly string[] {
  return typeof values?.[0] === 'string' && /^dpop( |$)/i.test(values[0])
}

/** Refuses anything but one token after `Bearer` with `authorization_malformed`. */
export function checkOneToken(token: string): void {
  if (token === '' || token.includes(' ') || token.includes('\t'))
    throw new BearerError('authorization_malformed')
}

const space = 0x20
