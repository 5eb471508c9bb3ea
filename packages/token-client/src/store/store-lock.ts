import { systemReason } from '../base/system-reason.js'
import type { StoreAccess } from './store-access.js'
import type { StoreLock } from './store-options.js'

const lockTimeoutSeconds = 15

/** Runs `work` under the application's lock. Throws `store_unavailable` when the lock is not available in time. */
export async function runLocked<T>(
  access: StoreAccess,
  lock: StoreLock,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now()
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined
  let isTooLate = false
  let begun = () => {}
  const inTime = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('late')), lockTimeoutSeconds * 1000)
    begun = () => (clearTimeout(timer), resolve())
  })
  const held = (async () =>
    lock(name, async () => {
      if (isTooLate) return
      begun()
      outcome = await work().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      )
    }))()
  try {
    await Promise.race([inTime, held.finally(begun)])
    await held
  } catch (error) {
    isTooLate = true
    held.catch(() => {})
    // A lock that is lost after the work has ended does not undo the work.
    if (outcome === undefined) throw access.fault('lock', 'error', startedAt, systemReason(error))
  }
  if (outcome === undefined) throw access.fault('lock', 'error', startedAt)
  if ('error' in outcome) throw outcome.error
  return outcome.value
}
