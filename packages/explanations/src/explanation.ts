/** What a code means, who can mend it, and how. Fixed text: it holds nothing of a request. */
export interface CodeExplanation {
  /** What happened, and the usual cause, in one or two sentences. */
  readonly cause: string
  /** Who can mend it. */
  readonly whoCanFix: 'client developer' | 'API developer' | 'operator' | 'administrator' | 'user'
  /** What to change. */
  readonly fix: string
  /** The line of code or configuration that decides, where one does. */
  readonly code?: string | undefined
  /** The step in the Microsoft Entra admin center, where one decides. */
  readonly portal?: string | undefined
  /** How to provoke it in the emulator. */
  readonly emulator?: string | undefined
}
