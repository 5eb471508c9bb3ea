// How everything here is measured: all contenders in one process, in rounds, in another order each round. A ratio is taken
// within a round, between two neighbours in time, and then the median of the rounds: machines drift by more than most
// differences, and a drift hits both sides of a ratio alike.

/** @typedef {{ name: string, run: () => unknown, operations?: number }} Contender */
/** @typedef {{ median: number, low: number, high: number }} Spread */

/** @param {readonly number[]} values @returns {Spread} median and quartiles */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}

/**
 * Runs every contender once per round. `run` does `operations` operations, its own number or everybody's; it may be
 * asynchronous.
 * @param {readonly Contender[]} contenders
 * @param {{ rounds: number, operations: number, baseline: string, progress?: (text: string) => void }} settings
 */
export async function interleaved(contenders, { rounds, operations, baseline, progress }) {
  const micros = new Map(contenders.map(({ name }) => [name, []]))
  // A check that has not been compiled yet is measured as the interpreter's.
  const warmUps = Math.min(8, rounds + 1)
  for (let round = -warmUps; round < rounds; round++) {
    progress?.(round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`)
    for (const { name, prepare, run, operations: own = operations } of shuffled(contenders)) {
      prepare?.()
      const startedAt = process.hrtime.bigint()
      const pending = run()
      if (pending instanceof Promise) await pending
      const taken = Number(process.hrtime.bigint() - startedAt) / 1000 / own
      if (round >= 0) micros.get(name).push(taken)
    }
  }
  const base = micros.get(baseline)
  return contenders.map(({ name }) => {
    const own = micros.get(name)
    return {
      name,
      micros: spread(own),
      ratio: spread(own.map((value, round) => value / base[round])),
    }
  })
}

/** @template T @param {readonly T[]} list @returns {T[]} a copy in a random order */
export function shuffled(list) {
  return list
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

/** Fails loudly where a contender accepts what it must not: a fast open door is no contender. */
export async function checkRefuses(name, verify, tampered) {
  try {
    await verify(tampered)
  } catch {
    return
  }
  throw new Error(`${name} accepted a tampered token`)
}
