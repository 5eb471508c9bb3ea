import { type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'

const signInPool = promisify(sign)

/**
 * Signs a JWT with RS256, whatever `alg` the header names. A payload that is text is signed unchanged.
 *
 * In the thread pool: a signature takes longer than everything else of a token, and many can be made at once.
 */
export async function signJws(
  header: object,
  payload: object | string,
  privateKey: KeyObject,
): Promise<string> {
  const input = signingInput(header, payload)
  const signature = await signInPool('sha256', Buffer.from(input), privateKey)
  return `${input}.${signature.toString('base64url')}`
}

/** The input of the signature (RFC 7515 §5.1): header and payload, encoded. */
export function signingInput(header: object, payload: object | string): string {
  return `${encoded(header)}.${encoded(payload)}`
}

/** A part of a JWT, encoded. */
export function encoded(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A part of a JWT that this service has just made. */
export function decoded(part: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>
}
