import type { Outgoing } from './send.js'

/** A refusal that is right: its status and, where there is a challenge, its `error` (RFC 6750 section 3.1). */
export interface RightRefusal {
  readonly status: number
  readonly error?: string
}

/** One bad token or malformed request, and the answer that an API must give. */
export interface ProbeCase {
  readonly name: string
  readonly group: 'token' | 'request'
  /** What is wrong with it, in a sentence. */
  readonly meaning: string
  /** The right refusals, the usual one first; none where the request must be accepted. */
  readonly refusals: readonly RightRefusal[]
  /** Why it is not sent. */
  readonly skipped?: string
  /** Makes what is sent. */
  prepare(): Promise<Outgoing> | Outgoing
  /** What the API did beside its answer, if it was wrong. */
  sideEffect?(): string | undefined
}
