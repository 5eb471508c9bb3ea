/** A system error's code, such as `ECONNREFUSED`, and nothing else of a foreign error. */
export function systemReason(error: unknown): string | undefined {
  for (let seen = error, depth = 0; seen instanceof Error && depth < 4; seen = seen.cause, depth++) {
    const code = (seen as { code?: unknown }).code
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code
  }
  return undefined
}
