/** How often untrusted input may cause an expensive step: a few times at once, then once per interval. */
export class CallBudget {
  readonly #size: number
  readonly #refillSeconds: number
  #left: number
  #filledAt = -Infinity

  constructor({ size, refillSeconds }: { readonly size: number; readonly refillSeconds: number }) {
    this.#size = size
    this.#refillSeconds = refillSeconds
    this.#left = size
  }

  hasLeft(now: number): boolean {
    this.#refill(now)
    return this.#left > 0
  }

  take(now: number): boolean {
    this.#refill(now)
    if (this.#left === 0) return false
    this.#left--
    return true
  }

  #refill(now: number): void {
    const refilled = Math.floor((now - this.#filledAt) / this.#refillSeconds)
    if (refilled > 0 || now < this.#filledAt) {
      this.#left = Math.min(this.#size, this.#left + Math.max(refilled, 0))
      this.#filledAt = now
    }
  }

  secondsUntilRefill(now: number): number {
    return Math.min(Math.max(this.#filledAt + this.#refillSeconds - now, 0), this.#refillSeconds)
  }
}
