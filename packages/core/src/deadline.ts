/** How long an application's own function may take, in seconds. */
export const hookTimeoutSeconds = 5

/** What a function of the application answers, or a rejection where it does not answer in time. */
export function withinTime(answer: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(reject, hookTimeoutSeconds * 1000)
    Promise.resolve(answer)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}
