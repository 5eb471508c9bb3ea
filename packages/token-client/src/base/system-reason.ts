/** A system error's code, such as `ECONNREFUSED`, and nothing else of a foreign error. */
export function systemReason(error: unknown): string | undefined {
  try {
    for (let seen = error, depth = 0; seen instanceof Error && depth < 4; seen = seen.cause, depth++) {
      const code = (seen as { code?: unknown }).code
      if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code
    }
  } catch {
    // A foreign object may throw when it is read.
  }
  return undefined
}

/** The name of a foreign error's class and its system code, such as `VaultError ECONNRESET`. Nothing else may be printed. */
export function printableReason(error: unknown): string | undefined {
  const words = [classOf(error), systemReason(error)].filter((word) => word !== undefined)
  return words.length === 0 ? undefined : words.join(' ')
}

/** `Error` alone says nothing. */
function classOf(error: unknown): string | undefined {
  try {
    const name = error instanceof Error ? (error.name as unknown) : undefined
    return typeof name === 'string' && /^[A-Z][A-Za-z]{1,40}(Error|Exception)$/.test(name) ? name : undefined
  } catch {
    return undefined
  }
}
