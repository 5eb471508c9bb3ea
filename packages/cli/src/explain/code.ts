import { refusals } from '@countersign/core'
import type { CodeExplanation } from '@countersign/explanations/refusals'
import { type Paint, wrap } from '../text.js'
import { portalPath } from './portal.js'

/** What is known of a code. */
export interface CodeReport {
  /** A refusal of core, or `AADSTS` with its number. */
  readonly code: string
  /** The answer of an API: status, OAuth error and phrase. Only for refusals of core. */
  readonly answer?: { readonly status: number; readonly error?: string; readonly phrase: string }
  readonly explanation: CodeExplanation
  /** The page with all that is known. */
  readonly link: string
}

/** Whether a word can only be a code: a token has dots or is far longer. */
export function looksLikeCode(word: string): boolean {
  return /^(aadsts)?\d{4,8}$/i.test(word) || /^[a-z][a-z\d]*(_[a-z\d]+)*$/.test(word)
}

/** The number of a code of Entra; undefined for any other. */
export function aadstsNumber(word: string): string | undefined {
  return /^(?:aadsts)?(\d+)$/i.exec(word)?.[1]
}

export function microsoftPage(number: string): string {
  return `https://login.microsoftonline.com/error?code=${number}`
}

/** What a code means; undefined for an unknown one. The tables are loaded here. */
export async function explainCode(word: string): Promise<CodeReport | undefined> {
  const number = aadstsNumber(word)
  return number === undefined ? explainRefusal(word) : explainAadsts(number)
}

async function explainRefusal(code: string): Promise<CodeReport | undefined> {
  const { refusalExplanations } = await import('@countersign/explanations/refusals')
  const explanation = Object.hasOwn(refusalExplanations, code) ? refusalExplanations[code] : undefined
  if (explanation === undefined) return undefined
  const answer = Object.hasOwn(refusals, code) ? refusals[code as keyof typeof refusals] : undefined
  return {
    code,
    ...(answer === undefined ? {} : { answer }),
    explanation,
    link: `docs/refusals.md#${code}`,
  }
}

async function explainAadsts(number: string): Promise<CodeReport | undefined> {
  const { aadstsExplanations } = await import('@countersign/explanations/aadsts')
  const explanation = Object.hasOwn(aadstsExplanations, number) ? aadstsExplanations[number] : undefined
  if (explanation === undefined) return undefined
  return {
    code: `AADSTS${number}`,
    explanation,
    link: microsoftPage(number),
  }
}

/** The known codes that look most like a word. */
export async function similarCodes(word: string): Promise<readonly string[]> {
  const wanted = word.toLowerCase()
  const { refusalExplanations } = await import('@countersign/explanations/refusals')
  const known = Object.keys(refusalExplanations)
  const score = (code: string): number => likeness(wanted, code.toLowerCase())
  return known
    .filter((code) => score(code) > 0.4)
    .toSorted((a, b) => score(b) - score(a))
    .slice(0, 3)
}

/** How many pairs of letters two words have in common, from 0 to 1. */
function likeness(first: string, second: string): number {
  const pairs = (word: string): string[] =>
    Array.from({ length: word.length - 1 }, (_, index) => word.slice(index, index + 2))
  const [own, others] = [pairs(first), pairs(second)]
  const shared = own.filter((pair) => others.includes(pair)).length
  return (2 * shared) / (own.length + others.length)
}

export function codeLines(
  { code, answer, explanation, link }: CodeReport,
  paint: Paint,
  columns: number,
): string[] {
  const indent = ' '.repeat(13)
  const labelled = (label: string, text: string | undefined): string[] =>
    text === undefined
      ? []
      : [`  ${paint('bold', label)}${' '.repeat(11 - label.length)}${wrap(text, columns, indent).join('\n')}`]
  const { cause, whoCanFix, fix, portal, emulator } = explanation
  return [
    [
      paint('bold', code),
      ...(answer === undefined ? [] : [answer.status, answer.error, `"${answer.phrase}"`]),
    ]
      .filter((word) => word !== undefined)
      .join('  '),
    '',
    ...labelled('Why', cause),
    ...labelled('Fix', `The ${whoCanFix}: ${fix}`),
    ...labelled('  in code', explanation.code),
    ...labelled('  in Entra', portal === undefined ? undefined : portalPath(portal)),
    ...labelled('Try it', emulator),
    ...labelled('More', link),
  ]
}
