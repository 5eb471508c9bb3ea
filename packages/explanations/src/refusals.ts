import type { CodeExplanation } from './explanation.js'

export type { CodeExplanation }

/** Explanations of the refusals of `@countersign/core`, by their code. */
export const refusalExplanations: Readonly<Record<string, CodeExplanation>> = Object.freeze({
  token_expired: {
    cause: 'The token is past its expiry. The client uses a token longer than its life, or a clock is wrong.',
    whoCanFix: 'client developer',
    fix: 'Acquire a new token before the old one expires. Check the clocks of both machines.',
  },
})
