import { randomUUID } from 'node:crypto'
import { EntraError, printedTime } from '../base/errors.js'
import type { Seal } from '../base/seal.js'
import type { User } from './types.js'

/** One sign-in of a user, as codes, refresh tokens and access tokens carry it on. */
export interface Session {
  readonly id: string
  readonly startedAt: number
  /** Ids of the Conditional Access policies whose demand was met. */
  readonly satisfied: readonly string[]
  /** Whether the user showed a second factor. */
  readonly withMfa: boolean
  /** Authentication contexts that were reached: `c1` and the like. */
  readonly contexts: readonly string[]
}

export function startSession(now: number): Session {
  return { id: randomUUID(), startedAt: now, satisfied: [], withMfa: false, contexts: [] }
}

/** Refuses a sign-in whose user is disabled (AADSTS50057) or whose sessions were revoked since (AADSTS50173). */
export function checkSessionAlive(user: User, session: Session): void {
  if (!user.isEnabled) throw new EntraError(50057)
  if (session.startedAt < user.sessionsValidFrom) {
    throw new EntraError(50173, {
      issued: printedTime(session.startedAt),
      validFrom: printedTime(user.sessionsValidFrom),
    })
  }
}

/** The value of `aio`: Entra puts opaque data for itself there, and so does the emulator. */
export function sealSession({ seal }: { readonly seal: Seal }, session: Session): string {
  return seal.seal('aio', session)
}

/** The sign-in that an access token came from. A token without one counts as a sign-in of its own. */
export function openSession(
  { seal }: { readonly seal: Seal },
  claims: Readonly<Record<string, unknown>>,
): Session {
  const sealed = typeof claims['aio'] === 'string' ? seal.open('aio', claims['aio']) : undefined
  if (sealed !== undefined) return sealed as Session
  const issued = Number(claims['iat'])
  return startSession(Number.isFinite(issued) ? issued : 0)
}
