import { existsSync } from 'node:fs'
import { type ExitCode, exitCodes, UsageError } from '../exit-codes.js'
import type { Terminal } from '../terminal.js'
import { createPaint } from '../text.js'
import { type ApiFlags, checkFlags } from './api.js'
import { aadstsNumber, codeLines, explainCode, looksLikeCode, microsoftPage, similarCodes } from './code.js'
import { judge } from './judge.js'
import { findToken } from './read-token.js'
import { reportLines } from './report-text.js'

export interface ExplainFlags extends ApiFlags {
  readonly at?: string | undefined
  readonly json?: boolean | undefined
}

const exitCodeOf = {
  accepted: exitCodes.yes,
  refused: exitCodes.no,
  undecided: exitCodes.undecided,
} as const

/** `countersign explain`: a token, from the input unless it is an argument; or a code. */
export async function explain(
  word: string | undefined,
  flags: ExplainFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const now = readTime(flags.at)
  checkFlags(flags)
  if (word !== undefined && looksLikeCode(word)) return printCode(word, flags, terminal)
  const text = await readText(word, terminal)
  if (text.trim() === '')
    throw new UsageError('no token came: give it by the input, as in "countersign explain < token.txt"')
  const report = await judge(findToken(text), flags, now)
  if (flags.json === true) terminal.write(JSON.stringify(report, undefined, 2))
  else {
    const paint = createPaint(terminal.isColoured)
    for (const line of reportLines(report, paint, terminal.columns)) terminal.write(line)
  }
  return exitCodeOf[report.verdict]
}

async function readText(word: string | undefined, terminal: Terminal): Promise<string> {
  if (word === undefined || word === '-') return terminal.readInput('Token (it is not shown): ')
  if (word.length < 256 && existsSync(word)) {
    throw new UsageError(`${word} is a file: give it by the input, as in "countersign explain < ${word}"`)
  }
  terminal.complain(
    'note: an argument stays in the history of the shell and is visible to other users of this machine; the input is not.',
  )
  return word
}

async function printCode(word: string, { json }: ExplainFlags, terminal: Terminal): Promise<ExitCode> {
  const report = await explainCode(word)
  if (report === undefined) {
    throw new UsageError(`${word} is not a code that is explained here${await hintFor(word)}`)
  }
  if (json === true) terminal.write(JSON.stringify(report, undefined, 2))
  else {
    const paint = createPaint(terminal.isColoured)
    for (const line of codeLines(report, paint, terminal.columns)) terminal.write(line)
  }
  return exitCodes.yes
}

/** Where else to look for a code. */
async function hintFor(word: string): Promise<string> {
  const number = aadstsNumber(word)
  if (number !== undefined) return `; Microsoft's page: ${microsoftPage(number)}`
  const similar = await similarCodes(word)
  return similar.length === 0 ? '' : `; did you mean ${similar.join(', ')}?`
}

/** Seconds since the epoch: from a number, or a date as people write it. */
function readTime(at: string | undefined): number {
  if (at === undefined) return Date.now() / 1000
  const seconds = /^\d+(\.\d+)?$/.test(at) ? Number(at) : Date.parse(at) / 1000
  if (Number.isFinite(seconds)) return seconds
  throw new UsageError('--at must be seconds since 1970, or a date such as 2026-11-28T12:00:00Z')
}
