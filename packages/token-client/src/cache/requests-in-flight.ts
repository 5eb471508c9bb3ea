import type { AcquiredToken } from '../base/acquired-token.js'

/** A request that is under way, and that callers with the same key share. */
export class RequestInFlight {
  readonly revokedWith: readonly string[]
  /** Set when its user or session was revoked in the meantime: its token is not cached. */
  isRevoked = false

  constructor(revokedWith: readonly string[]) {
    this.revokedWith = revokedWith
  }
}

interface Flight {
  readonly request: RequestInFlight
  readonly token: Promise<AcquiredToken>
}

/** The requests that are under way: one for each key. */
export class RequestsInFlight {
  readonly #flights = new Map<string, Flight>()

  get(key: string): Promise<AcquiredToken> | undefined {
    return this.#flights.get(key)?.token
  }

  /** Shares a request with later callers until it ends. */
  add(key: string, request: RequestInFlight, token: Promise<AcquiredToken>): void {
    const flight = { request, token }
    this.#flights.set(key, flight)
    const land = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    // All callers may have left. Then this is the only handler of a failure.
    token.then(land, land)
  }

  /** Later callers get a request of their own. */
  revoke(name: string): void {
    for (const [key, { request }] of this.#flights) {
      if (!request.revokedWith.includes(name)) continue
      request.isRevoked = true
      this.#flights.delete(key)
    }
  }
}
