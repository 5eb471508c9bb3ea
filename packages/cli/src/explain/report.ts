import type { CheckVerdict } from '@countersign/core'
import type { CodeExplanation } from '@countersign/explanations/refusals'
import type { TokenFacts } from './facts.js'
import type { Story } from './stories.js'

/** What `countersign explain --json` prints. It holds no part of the token but names of applications and directories. */
export interface TokenReport {
  readonly verdict: 'accepted' | 'refused' | 'undecided'
  /** The refusal of a request with this token. */
  readonly refusal?: {
    readonly code: string
    readonly status: number
    readonly error?: string
    readonly headers: Readonly<Record<string, string>>
  }
  /** Why it cannot be decided. */
  readonly undecided?: string
  /** A command that goes on from here: if this is the API that the token was refused by. */
  readonly next?: string
  readonly signature: 'valid' | 'not valid' | 'not verified'
  readonly token: TokenFacts
  readonly checks: readonly CheckVerdict[]
  /** The usual mistake that this is. */
  readonly story?: Story
  /** What the code of the refusal means. */
  readonly explanation?: CodeExplanation
  readonly notes: readonly string[]
}
