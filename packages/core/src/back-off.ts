const maxSeconds = 60

/** When a server that failed may be asked again: after a second, and twice as long after each further failure. */
export class BackOff {
  #failures = 0
  #retryAt = -Infinity

  /** Whether no failure is so recent that the next try has to wait. A time too far off was set by a clock that was wrong. */
  mayTry(now: number): boolean {
    return now >= this.#retryAt || now < this.#retryAt - maxSeconds
  }

  /** The seconds until the next try: less than the whole time by up to a half, so that instances do not try together. */
  fail(now: number): number {
    this.#failures++
    const wait = Math.min(2 ** (this.#failures - 1), maxSeconds) * (1 - 0.5 * Math.random())
    this.#retryAt = now + wait
    return wait
  }

  succeed(): void {
    this.#failures = 0
    this.#retryAt = -Infinity
  }
}
