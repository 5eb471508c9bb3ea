/** A token for a target. Give `accessToken` to that target and to nobody else. */
export interface AcquiredToken {
  /** Not enumerable, so that it is not logged or serialised by accident. */
  readonly accessToken: string
  /** Seconds since the epoch. */
  readonly expiresAt: number
  /** As the service named them; what was asked for where it named none. */
  readonly scopes: readonly string[]
  readonly source: 'cache' | 'network'
}

// The token stands in a private field: neither JSON nor util.inspect, showHidden included, can print it.
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
