/**
 * The promise's outcome, or what `late` returns, thrown, after so many seconds. What the promise does later is ignored: it
 * causes no unhandled rejection.
 */
export async function within<T>(seconds: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), Math.ceil(seconds * 1000))
  })
  try {
    return await Promise.race([promise, passed])
  } finally {
    clearTimeout(timer)
  }
}
