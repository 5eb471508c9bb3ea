import { createHash } from 'node:crypto'

export const guidPattern: RegExp = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** A fixed namespace, so that derived ids are the same on every machine. */
const namespace = Buffer.from('c0a7e5160e3b4a52907d1f6f2f6a9b3e', 'hex')

/** A name-based GUID (RFC 9562, version 5): the id of whatever the registration gives none. */
export function deriveId(...names: readonly string[]): string {
  const hash = createHash('sha1').update(namespace).update(names.join('\n')).digest()
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  )
}
