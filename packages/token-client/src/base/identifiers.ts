import { hash } from 'node:crypto'

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && guid.test(value)
}

export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}
