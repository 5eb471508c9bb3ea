/** A user's sign-ins were ended before their time. */
export interface Revocation {
  readonly tenantId: string
  /** The user, by object id. */
  readonly objectId: string
  readonly reason: 'sessions_revoked' | 'account_disabled'
  /** Tokens issued before that are void, seconds since the epoch. */
  readonly revokedAt: number
  /** When an API learns of it; a live API took five minutes. */
  readonly visibleAt: number
}

export interface Revocations {
  add(revocation: Revocation): void
  /** What an API would know by now, oldest first. */
  visible(now: number): readonly Revocation[]
}

const most = 1000

export function createRevocations(): Revocations {
  const entries: Revocation[] = []
  return {
    add(revocation) {
      entries.push(Object.freeze(revocation))
      if (entries.length > most) entries.shift()
    },
    visible: (now) => entries.filter(({ visibleAt }) => visibleAt <= now),
  }
}
