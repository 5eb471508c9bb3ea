/** A user's sign-ins were ended before their time. */
export interface Revocation {
  /** The user's tenant. */
  readonly tenantId: string
  /** The user, by object id. */
  readonly objectId: string
  /** Why: `users.revokeSessions` or `users.disable`. */
  readonly reason: 'sessions_revoked' | 'account_disabled'
  /** Tokens issued before that are void, seconds since the epoch. */
  readonly revokedAt: number
  /** When an API can know it, seconds since the epoch. */
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
