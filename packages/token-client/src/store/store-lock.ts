import { within } from '../base/deadline.js'
import { systemReason } from '../base/system-reason.js'
import type { StoreAccess } from './store-access.js'
import type { StoreLock } from './store-options.js'

/**
 * Runs `work` once under the application's lock, and ends with it: a lock that is lost, or is not released, after the work
 * has begun does not undo the work. Throws `store_unavailable` when the work has not begun within `seconds`.
 */
export async function runLocked<T>(
  access: StoreAccess,
  lock: StoreLock,
  seconds: number,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  let running: Promise<T> | undefined
  let isTooLate = false
  const begun = new Promise<void>((resolve, reject) => {
    const run = async () => {
      if (isTooLate || running !== undefined) return
      running = work()
      resolve()
      await running.catch(() => {})
    }
    // Within a promise, because it may throw at once. A lock that ends without having run the work has failed.
    Promise.resolve()
      .then(() => lock(name, run))
      .then(() => reject(new Error('not run')), reject)
  })
  try {
    await within(seconds, begun, () => new Error('late'))
  } catch (error) {
    isTooLate = true
    throw access.fault('lock', 'error', startedAt, systemReason(error))
  }
  return running!
}
