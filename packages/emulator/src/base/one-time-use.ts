/** Remembers used ids until they expire. */
export interface OneTimeUse {
  /** True the first time an id is used, then false. */
  use(id: string, expiresAt: number, now: number): boolean
  /** The used ids that are not expired, with their expiry. */
  entries(now: number): Readonly<Record<string, number>>
}

export function createOneTimeUse(before: Readonly<Record<string, number>> = {}): OneTimeUse {
  const used = new Map<string, number>(Object.entries(before))
  return {
    entries: (now) => Object.fromEntries([...used].filter(([, end]) => end > now)),
    use(id, expiresAt, now) {
      for (const [other, end] of used) {
        // Entries are in the order of use, which is nearly the order of expiry: the first valid entry ends the loop.
        if (end > now) break
        used.delete(other)
      }
      if (used.has(id)) return false
      used.set(id, expiresAt)
      return true
    },
  }
}
