import { TokenClientError } from '../base/errors.js'

/** The payload of a JWT, unverified; `undefined` when the text is not a JWT. */
export function readUnverifiedClaims(token: string): Record<string, unknown> | undefined {
  const parts = /^[\w-]+\.([\w-]+)\.[\w-]*$/.exec(token)
  if (parts === null) return undefined
  try {
    const payload = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(parts[1]!, 'base64url'))
    const claims: unknown = JSON.parse(payload)
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
      ? (claims as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

export function readExpiry(exp: unknown): number {
  if (typeof exp !== 'number' || !Number.isFinite(exp)) {
    throw new TokenClientError('user_token_malformed', { reason: 'exp' })
  }
  return exp
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
