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

// The token is in a private field: neither JSON nor util.inspect, showHidden included, can print it.
class Token implements AcquiredToken {
  readonly expiresAt: number
  readonly scopes: readonly string[]
  readonly source: 'cache' | 'network'
  readonly #accessToken: string

  constructor(
    accessToken: string,
    expiresAt: number,
    scopes: readonly string[],
    source: 'cache' | 'network',
  ) {
    this.#accessToken = accessToken
    this.expiresAt = expiresAt
    this.scopes = scopes
    this.source = source
    Object.freeze(this)
  }

  get accessToken(): string {
    return this.#accessToken
  }
}

export function createAcquiredToken(members: {
  accessToken: string
  expiresAt: number
  scopes: readonly string[]
  source: 'cache' | 'network'
}): AcquiredToken {
  return new Token(members.accessToken, members.expiresAt, Object.freeze([...members.scopes]), members.source)
}
