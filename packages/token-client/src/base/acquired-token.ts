/** An access token for one target. Send `accessToken` to that target only. */
export interface AcquiredToken {
  /** The token's text. Not enumerable, so that it is not logged or serialised by accident. */
  readonly accessToken: string
  /** When it expires, in seconds since the epoch. */
  readonly expiresAt: number
  /** The scopes that the service granted; the requested scopes when its answer names none. */
  readonly scopes: readonly string[]
  /** How it is sent: `Bearer`, or `DPoP` with a proof of its key, which `createFetch` adds. */
  readonly tokenType: 'Bearer' | 'DPoP'
  /** `cache`: from this process's memory or the shared store; `network`: from the token endpoint. */
  readonly source: 'cache' | 'network'
}

/** Proves that a request comes from the owner of the key that its token is bound to. */
export interface ProofKey {
  proof(method: string, address: string, accessToken: string): string
  noteNonce(address: string, headers: Headers): boolean
}

type Members = Pick<AcquiredToken, 'accessToken' | 'expiresAt' | 'scopes' | 'source'> & {
  readonly requestedAt?: number | undefined
  readonly key?: ProofKey | undefined
}

// The token is in a private field: neither JSON nor util.inspect, showHidden included, can print it.
class Token implements AcquiredToken {
  readonly expiresAt: number
  readonly scopes: readonly string[]
  readonly tokenType: 'Bearer' | 'DPoP'
  readonly source: 'cache' | 'network'
  readonly #accessToken: string
  readonly #requestedAt: number
  readonly #key: ProofKey | undefined

  constructor({ accessToken, expiresAt, scopes, source, requestedAt = -Infinity, key }: Members) {
    this.#accessToken = accessToken
    this.#requestedAt = requestedAt
    this.#key = key
    this.expiresAt = expiresAt
    this.scopes = Object.freeze([...scopes])
    this.tokenType = key === undefined ? 'Bearer' : 'DPoP'
    this.source = source
    Object.freeze(this)
  }

  get accessToken(): string {
    return this.#accessToken
  }

  static key(token: AcquiredToken): ProofKey | undefined {
    return #key in token ? token.#key : undefined
  }

  static requestedAt(token: AcquiredToken): number {
    return #requestedAt in token ? token.#requestedAt : -Infinity
  }
}

export function createAcquiredToken(members: Members): AcquiredToken {
  return new Token(members)
}

/** When the token was requested, in seconds since the epoch; `-Infinity` when that is not known. */
export function requestedAtOf(token: AcquiredToken): number {
  return Token.requestedAt(token)
}

/** The key that the token is bound to (DPoP). */
export function keyOf(token: AcquiredToken): ProofKey | undefined {
  return Token.key(token)
}
