import { BearerError } from '@countersign/core'

/** The refusal of what is run; undefined where it is accepted. Anything else that is thrown fails the test. */
export async function refusalOf(run: () => unknown): Promise<BearerError | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    if (error instanceof BearerError) return error
    throw error
  }
}

/** Code and reason of the refusal, or `accepted`. */
export async function codeOf(run: () => unknown): Promise<string> {
  const refusal = await refusalOf(run)
  return refusal === undefined ? 'accepted' : [refusal.code, refusal.reason].filter(Boolean).join(' ')
}
