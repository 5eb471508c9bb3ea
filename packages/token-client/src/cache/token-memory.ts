import { MemoryCache, type MemoryCacheLimits } from './memory-cache.js'
import { RequestsInFlight } from './requests-in-flight.js'

/** Everything that this process holds: tokens, and requests under way. */
export class TokenMemory {
  readonly tokens: MemoryCache
  readonly requests = new RequestsInFlight()

  constructor(limits: MemoryCacheLimits) {
    this.tokens = new MemoryCache(limits)
  }

  /** Removes the tokens of a user or session, those under way included. The shared store is not touched. */
  revoke(name: string): void {
    this.tokens.revoke(name)
    this.requests.revoke(name)
  }
}
