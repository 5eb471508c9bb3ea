/** Remembers what was used until it would have expired anyway. */
export interface OneTimeUse {
  /** True the first time an id is seen; false ever after. */
  use(id: string, expiresAt: number, now: number): boolean
}

export function createOneTimeUse(): OneTimeUse {
  const used = new Map<string, number>()
  return {
    use(id, expiresAt, now) {
      for (const [other, end] of used) {
        // In the order of use, which is close enough to that of expiry: one live entry ends the sweep.
        if (end > now) break
        used.delete(other)
      }
      if (used.has(id)) return false
      used.set(id, expiresAt)
      return true
    },
  }
}
