import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/**
 * Codes, refresh tokens and the state of a sign-in, as opaque text that only this instance can read and no one can
 * change. Nothing is stored for them, so a client that asks for millions costs no memory.
 */
export interface Seal {
  seal(kind: string, content: object): string
  /** The content, or undefined for a text that was not sealed by this instance as that kind. */
  open(kind: string, text: string): unknown
}

/** `key`: 32 bytes. */
export function createSeal(key: Buffer): Seal {
  return {
    seal(kind, content) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(kind))
      const sealed = Buffer.concat([iv, cipher.update(JSON.stringify(content), 'utf8'), cipher.final()])
      return `1.${Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url')}`
    },
    open(kind, text) {
      const bytes = Buffer.from(text.slice(2), 'base64url')
      // The comparison refuses other encodings of the same bytes.
      if (bytes.length < 28 || text !== `1.${bytes.toString('base64url')}`) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from(kind))
      decipher.setAuthTag(bytes.subarray(-16))
      try {
        const content = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()])
        return JSON.parse(content.toString('utf8'))
      } catch {
        return undefined
      }
    },
  }
}
