import type { WorkInProgress } from '../base/work-in-progress.js'
import type { TokenMemory } from '../cache/token-memory.js'
import type { ClientContext } from '../grants/client-context.js'
import type { SessionStore } from './session-store.js'
import type { SessionTurns } from './session-turns.js'

/** What every session of a client shares. */
export interface SessionContext {
  readonly client: ClientContext
  readonly memory: TokenMemory
  readonly store: SessionStore
  readonly turns: SessionTurns
  readonly work: WorkInProgress
}
