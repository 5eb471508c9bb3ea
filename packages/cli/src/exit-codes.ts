/** What the command ends with: scripts decide by it. */
export const exitCodes = {
  /** Accepted, allowed, well-formed: the answer is yes. */
  yes: 0,
  /** Refused, not allowed, malformed: the answer is no. */
  no: 1,
  /** The question could not be decided: no keys, no emulator, no API that answers. */
  undecided: 2,
  /** The command was not called as it must be. */
  usage: 64,
  /** A fault in the command itself: no answer. */
  fault: 70,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The command was not called as it must be. The message is for the terminal. */
export class UsageError extends Error {}

/** The question cannot be decided. The message is for the terminal. */
export class UndecidedError extends Error {}
