/** Lines around a change that show where it is. */
const context = 3
/** Of the table below: more is shown as one block that goes and one that comes. */
const mostCells = 4_000_000

/** The difference of two texts as `diff -u` writes it, without the names of files; empty if there is none. */
export function lineDiff(before: string, after: string): string {
  const steps = stepsBetween(before.split('\n'), after.split('\n'))
  const lines: string[] = []
  let end = 0
  for (const [index, { sign }] of steps.entries()) {
    if (sign === ' ' || index < end) continue
    const start = Math.max(index - context, end)
    end = endOfHunk(steps, index)
    const hunk = steps.slice(start, end)
    const [oldStart, newStart] = ['-', '+'].map(
      (other) => 1 + steps.slice(0, start).filter((step) => step.sign === ' ' || step.sign === other).length,
    )
    const [oldCount, newCount] = ['-', '+'].map(
      (other) => hunk.filter((step) => step.sign === ' ' || step.sign === other).length,
    )
    lines.push(`@@ -${oldStart},${oldCount} +${newStart},${newCount} @@`)
    lines.push(...hunk.map(({ sign: mark, line }) => mark + line))
  }
  return lines.join('\n')
}

interface Step {
  readonly sign: ' ' | '-' | '+'
  readonly line: string
}

/** Where the next change is too far away to belong to this one. */
function endOfHunk(steps: readonly Step[], from: number): number {
  let last = from
  for (let index = from; index < steps.length && index - last <= 2 * context + 1; index += 1) {
    if (steps[index]?.sign !== ' ') last = index
  }
  return Math.min(last + context + 1, steps.length)
}

function stepsBetween(before: readonly string[], after: readonly string[]): Step[] {
  let head = 0
  while (head < Math.min(before.length, after.length) && before[head] === after[head]) head += 1
  let tail = 0
  const longest = Math.min(before.length, after.length) - head
  while (tail < longest && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  const kept = (line: string): Step => ({ sign: ' ', line })
  return [
    ...before.slice(0, head).map(kept),
    ...changedSteps(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(kept),
  ]
}

/** By the longest common subsequence. */
function changedSteps(before: readonly string[], after: readonly string[]): Step[] {
  if ((before.length + 1) * (after.length + 1) > mostCells) {
    return [
      ...before.map((line): Step => ({ sign: '-', line })),
      ...after.map((line): Step => ({ sign: '+', line })),
    ]
  }
  const width = after.length + 1
  const common = new Uint32Array((before.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const steps: Step[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]]
    if (old !== undefined && old === fresh) {
      steps.push({ sign: ' ', line: old })
      i += 1
      j += 1
    } else if (old !== undefined && (fresh === undefined || at(i + 1, j) >= at(i, j + 1))) {
      steps.push({ sign: '-', line: old })
      i += 1
    } else {
      steps.push({ sign: '+', line: fresh ?? '' })
      j += 1
    }
  }
  return steps
}
