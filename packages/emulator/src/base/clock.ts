import { checkSeconds } from './options.js'

/** The time of an emulator. Its functions need no `this`. */
export interface EmulatorClock {
  /** The time, in seconds since the epoch. */
  readonly now: () => number
  /** Moves the time forward. Throws a TypeError for anything but a number of seconds from 0. */
  readonly advance: (seconds: number) => void
  /** Sets the time, in seconds since the epoch. Throws a TypeError for anything but a number from 0. */
  readonly set: (epochSeconds: number) => void
}

/** A clock that runs with the machine's and can be moved: the default of `startEmulator`. */
export function runningClock(): EmulatorClock {
  return movable(() => Date.now() / 1000)
}

/**
 * A clock that stops at `epochSeconds` and changes only when it is moved, for tests at the exact second a token
 * expires. Throws a TypeError for anything but a number of seconds since the epoch, from 0.
 *
 * @example
 * ```ts
 * import { fixedClock, startEmulator } from '@countersign/emulator'
 *
 * const clock = fixedClock(1_800_000_000)
 * await using emulator = await startEmulator({ clock })
 * const token = await emulator.issueToken({ client: 'daemon', resource: 'api' })
 * clock.advance(3600) // the token expires at this second
 * ```
 */
export function fixedClock(epochSeconds: number): EmulatorClock {
  checkSeconds('fixedClock', 'epochSeconds', epochSeconds, 0, latest)
  return movable(() => epochSeconds)
}

function movable(base: () => number): EmulatorClock {
  let offset = 0
  const now = (): number => base() + offset
  return Object.freeze({
    now,
    advance(seconds: number): void {
      checkSeconds('clock.advance', 'seconds', seconds, 0, latest)
      offset += seconds
    },
    set(epochSeconds: number): void {
      checkSeconds('clock.set', 'epochSeconds', epochSeconds, 0, latest)
      offset = epochSeconds - base()
    },
  })
}

/**
 * The time, a little later with every call at the same instant: on a clock that does not run, what happened first stays
 * first.
 */
export function createMoments(now: () => number): () => number {
  let [instant, calls] = [Number.NaN, 0]
  return () => {
    const time = now()
    calls = time === instant ? calls + 1 : 0
    instant = time
    return time + calls / 1_000_000
  }
}

/** The last second a JavaScript date can name: times derived from the clock are printed as dates. */
const latest = 8_640_000_000_000 / 2
