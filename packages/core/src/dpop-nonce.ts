import { platform } from '#platform'

/** How long one nonce is handed out. It is accepted for one such time longer, and one earlier: clocks of instances differ. */
const slotSeconds = 300

/**
 * Nonces for DPoP proofs (RFC 9449 section 8), without a memory: the HMAC of an interval of time with a secret that all
 * instances share. The first secret makes nonces; all of them accept.
 */
export class DpopNonces {
  readonly #secrets: readonly Uint8Array[]
  readonly #slots = new Map<number, readonly string[]>()

  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets
  }

  async accepts(nonce: string, now: number): Promise<boolean> {
    const slot = Math.floor(now / slotSeconds)
    for (const one of [slot, slot - 1, slot + 1]) {
      if ((await this.#noncesOf(one, slot)).includes(nonce)) return true
    }
    return false
  }

  /** The nonce to hand out; undefined where it has not been computed yet, and that takes time. */
  current(now: number): string | undefined {
    const slot = Math.floor(now / slotSeconds)
    const nonces = this.#noncesOf(slot, slot)
    if (!(nonces instanceof Promise)) return nonces[0]
    // Stored when it is there: the next answer has it.
    nonces.catch(() => {})
    return undefined
  }

  #noncesOf(slot: number, now: number): readonly string[] | Promise<readonly string[]> {
    const known = this.#slots.get(slot)
    if (known !== undefined) return known
    const made = this.#secrets.map((secret) => platform.hmacSha256(secret, `dpop-nonce ${slot}`))
    const store = (nonces: readonly string[]): readonly string[] => {
      for (const old of this.#slots.keys()) if (Math.abs(old - now) > 1) this.#slots.delete(old)
      this.#slots.set(slot, nonces)
      return nonces
    }
    return made.some((nonce) => nonce instanceof Promise)
      ? Promise.all(made.map(async (nonce) => nonce)).then(store)
      : store(made as readonly string[])
  }
}
