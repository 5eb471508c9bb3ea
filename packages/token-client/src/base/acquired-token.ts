/** An access token for one target. Send `accessToken` to that target only. */
export interface AcquiredToken {
  /** The token's text. Not enumerable, so that it is not logged or serialised by accident. */
  readonly accessToken: string
  /** When it expires, in seconds since the epoch. */
  readonly expiresAt: number
  /** The scopes that the service granted; the requested scopes when its answer names none. */
  readonly scopes: readonly string[]
  /** `cache`: from this process's memory or the shared store; `network`: from the token endpoint. */
  readonly source: 'cache' | 'network'
}

type Members = Pick<AcquiredToken, 'accessToken' | 'expiresAt' | 'scopes' | 'source'> & {
  readonly requestedAt?: number
}

// The token is in a private field: neither JSON nor util.inspect, showHidden included, can print it.
class Token implements AcquiredToken {
  readonly expiresAt: number
  readonly scopes: readonly string[]
  readonly source: 'cache' | 'network'
  readonly #accessToken: string
  readonly #requestedAt: number

  constructor({ accessToken, expiresAt, scopes, source, requestedAt = -Infinity }: Members) {
    this.#accessToken = accessToken
    this.#requestedAt = requestedAt
    this.expiresAt = expiresAt
    this.scopes = Object.freeze([...scopes])
    this.source = source
    Object.freeze(this)
  }

  get accessToken(): string {
    return this.#accessToken
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
