import { count, type Paint } from '../text.js'
import type { Finding } from './finding.js'

/** Columns of the names. */
export const nameWidth = 20

/** A finding in one line; of what was accepted, the meaning below it. */
export function findingLines(finding: Finding, paint: Paint): string[] {
  const { name, result, answered = '', expected, detail, meaning } = finding
  const label = name.padEnd(nameWidth)
  if (result === 'skipped') return [paint('dim', `  · ${label} skipped: ${detail ?? ''}`)]
  if (result === 'right') return [`  ${paint('green', '✓')} ${label} ${answered}`]
  if (result === 'accepted') {
    return [
      `  ${paint('red', '✗')} ${paint('bold', label)} ${paint('red', `${answered}  ACCEPTED`)}`,
      `      ${meaning} Expected: ${expected ?? ''}`,
    ]
  }
  return [
    `  ${paint('yellow', '!')} ${paint('bold', label)} ${answered}  ${paint('yellow', 'wrong answer')}: ${detail ?? ''}; expected ${expected ?? ''}`,
  ]
}

/** The numbers at the end. */
export interface Summary {
  readonly right: number
  readonly wrong: number
  readonly accepted: number
  readonly skipped: number
  readonly seconds: number
}

export function summaryOf(findings: readonly Finding[], seconds: number): Summary {
  const number = (result: Finding['result']): number =>
    findings.filter((finding) => finding.result === result).length
  return {
    right: number('right'),
    wrong: number('wrong'),
    accepted: number('accepted'),
    skipped: number('skipped'),
    seconds: Math.round(seconds * 10) / 10,
  }
}

export function summaryLine({ right, wrong, accepted, skipped, seconds }: Summary, paint: Paint): string {
  const parts = [
    `${right} answered as they must be`,
    ...(accepted === 0 ? [] : [paint('red', `${accepted} ACCEPTED`)]),
    ...(wrong === 0 ? [] : [paint('yellow', count(wrong, 'wrong answer'))]),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
  ]
  const verdict =
    wrong + accepted === 0 ? paint('green', paint('bold', 'PASS')) : paint('red', paint('bold', 'FAIL'))
  return `${verdict}  ${parts.join(', ')}  (${seconds.toFixed(1)} s)`
}
