/** Takes what an application's function returned and nobody awaits: an unhandled rejection would end the process. */
export function ignoreRejection(returned: unknown): void {
  if (typeof returned !== 'object' || returned === null) return
  try {
    // `Promise.resolve` also takes promises of other realms and libraries.
    Promise.resolve(returned).catch(() => {})
  } catch {
    // A foreign object may throw when it is read.
  }
}
