import { sha256 } from '../base/identifiers.js'
import type { StoreSettings } from './store-options.js'

interface Key {
  readonly secret: Uint8Array
  readonly protectedHeader: Readonly<Record<'alg' | 'enc' | 'kid', string>>
  readonly protectedText: string
  readonly readUntil: number
}

const maxEntryLength = 256 * 1024

/**
 * Encrypts entries as flattened JWE (`dir`, `A256GCM`; RFC 7516), each bound by its additional data to its slot, so that an
 * entry that was moved to another slot does not decrypt.
 */
export class EntryEncryption {
  readonly #keys: readonly [Key, ...Key[]]
  readonly #clock: () => number

  constructor(keys: StoreSettings['keys'], clock: () => number) {
    this.#keys = keys.map(keyOf) as [Key, ...Key[]]
    this.#clock = clock
  }

  async encrypt(slot: string, entry: unknown): Promise<string> {
    const { FlattenedEncrypt } = await import('jose/jwe/flattened/encrypt')
    const [key] = this.#keys
    const jwe = await new FlattenedEncrypt(Buffer.from(JSON.stringify(entry)))
      .setProtectedHeader({ ...key.protectedHeader } as { alg: string; enc: string })
      .setAdditionalAuthenticatedData(Buffer.from(slot))
      .encrypt(key.secret)
    const { protected: header, iv, ciphertext, tag } = jwe
    return JSON.stringify({ protected: header, iv, ciphertext, tag })
  }

  /** The content of an entry; `undefined` when it cannot be decrypted. */
  async decrypt(slot: string, stored: unknown): Promise<unknown> {
    if (typeof stored !== 'string' || stored.length > maxEntryLength) return undefined
    const { flattenedDecrypt } = await import('jose/jwe/flattened/decrypt')
    try {
      const jwe = JSON.parse(stored) as Record<'protected' | 'iv' | 'ciphertext' | 'tag', string>
      const now = this.#clock()
      // The whole header is compared: an entry does not decide how it is decrypted.
      const key = this.#keys.find((one) => one.protectedText === jwe.protected && now < one.readUntil)
      if (key === undefined) return undefined
      const { plaintext } = await flattenedDecrypt(
        {
          protected: key.protectedText,
          iv: jwe.iv,
          ciphertext: jwe.ciphertext,
          tag: jwe.tag,
          // Computed from the slot, not read from the entry: an entry that was moved here does not decrypt.
          aad: Buffer.from(slot).toString('base64url'),
        },
        key.secret,
        { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] },
      )
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plaintext))
    } catch {
      return undefined
    }
  }
}

function keyOf({ secret, readUntil }: StoreSettings['keys'][number]): Key {
  const kid = sha256(`countersign store key ${Buffer.from(secret).toString('base64url')}`).slice(0, 16)
  const protectedHeader = { alg: 'dir', enc: 'A256GCM', kid }
  const protectedText = Buffer.from(JSON.stringify(protectedHeader)).toString('base64url')
  return { secret, readUntil, protectedHeader, protectedText }
}
