import { ignoreRejection } from './ignore-rejection.js'
import { badOption, readFunction } from './options-reader.js'

/**
 * The clock that an application passed, or this machine's. It throws `TypeError` for anything but a finite number: compared
 * with NaN, no token ever expires.
 */
export function readClock(what: string, option: (() => number) | undefined): () => number {
  const clock =
    option === undefined ? () => Date.now() / 1000 : readFunction<() => number>(what, 'clock', option)
  return () => {
    let now: unknown
    try {
      now = clock()
    } catch {
      // What it threw may be anything. The error below names the option.
    }
    if (typeof now === 'number' && Number.isFinite(now)) return now
    // It may be a promise, which may reject.
    ignoreRejection(now)
    throw badOption(what, 'clock', 'must return a finite number of seconds')
  }
}
