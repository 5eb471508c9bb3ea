import { checkSeconds } from './options.js'

/** The time an emulator lives in, seconds since the epoch; `now` may be passed on as it is. */
export interface EmulatorClock {
  readonly now: () => number
  /** Moves the time forward. Throws a TypeError for anything but a finite number that is not negative. */
  readonly advance: (seconds: number) => void
  /** Sets the time. Throws a TypeError for anything but a finite number that is not negative. */
  readonly set: (epochSeconds: number) => void
}

/** A clock that runs with the machine's and can be moved. */
export function runningClock(): EmulatorClock {
  return movable(() => Date.now() / 1000)
}

/** A clock that stands still until it is moved: for tests at the very second a token expires. */
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

/** The time, a little later with every call at the same instant: what happened first stays first on a clock that stands. */
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
