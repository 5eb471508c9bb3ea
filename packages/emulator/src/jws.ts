import { type KeyObject, sign } from 'node:crypto'

/** Signs a JWT with RS256, whatever `alg` the header names. A payload that is text is signed as it stands. */
export function signJws(header: object, payload: object | string, privateKey: KeyObject): string {
  const input = signingInput(header, payload)
  return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
}

/** What is signed: header and payload as they travel. */
export function signingInput(header: object, payload: object | string): string {
  return `${encoded(header)}.${encoded(payload)}`
}

/** A part as it travels. */
export function encoded(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A part of a JWT that this service has just made. */
export function decoded(part: string): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>
}
