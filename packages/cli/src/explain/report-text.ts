import type { CheckVerdict } from '@countersign/core'
import { count, type Paint, wrap } from '../text.js'
import { portalPath } from './portal.js'
import type { TokenReport } from './report.js'

const labelWidth = 11
const checkWidth = 16

/** The report as lines of a terminal: the verdict first. */
export function reportLines(report: TokenReport, paint: Paint, columns: number): string[] {
  const { token, signature, checks, notes } = report
  const labelled = (label: string, text: string): string[] =>
    withLabel(paint('bold', label), label.length, wrap(text, columns, ' '.repeat(2 + labelWidth)))
  return [
    ...verdictLines(report, paint, columns),
    '',
    ...labelled('Token', `${token.kind}${token.audience === undefined ? '' : `, for ${token.audience}`}`),
    ...labelled('From', fromText(report)).filter(() => fromText(report) !== ''),
    ...(token.times === undefined ? [] : labelled('Times', token.times)),
    ...labelled('Signature', signatureText(report)),
    ...(checks.length === 0 ? [] : ['']),
    ...checks.flatMap((check) => checkLines(check, report, paint, columns)),
    ...(signature === 'valid' || checks.length === 0
      ? []
      : ['', `  The content of this token is not proved: its signature is ${signature}.`]),
    ...spaced(report.verdict === 'accepted' ? [] : fixLines(report, labelled)),
    ...spaced(
      report.next === undefined
        ? []
        : ['  If the token is for your API, this checks it:', `    ${report.next}`],
    ),
    ...spaced(notes.flatMap((note) => labelled('Note', note))),
  ]
}

/** After an empty line, if there is anything. */
function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', ...lines]
}

function withLabel(label: string, length: number, [first = '', ...more]: string[]): string[] {
  return [`  ${label}${' '.repeat(Math.max(labelWidth - length, 1))}${first}`, ...more]
}

function verdictLines(report: TokenReport, paint: Paint, columns: number): string[] {
  if (report.verdict !== 'undecided') return [verdictLine(report, paint)]
  const [first = '', ...more] = wrap(`UNDECIDED  ${report.undecided ?? ''}`, columns, ' '.repeat(11))
  return [first.replace('UNDECIDED', paint('yellow', paint('bold', 'UNDECIDED'))), ...more]
}

function verdictLine({ verdict, refusal, checks, signature }: TokenReport, paint: Paint): string {
  if (verdict === 'accepted') {
    return `${paint('green', paint('bold', 'ACCEPTED'))}  ${count(checks.length, 'check')} passed`
  }
  const failed = checks.filter((check) => check.verdict === 'failed').length
  const missed = checks.filter((check) => check.verdict === 'not_reached').length
  const counts = `${failed} of ${count(checks.length, 'check')} failed${missed === 0 ? '' : `, ${missed} not reached`}`
  const whatever = signature === 'not verified' ? ', whatever the signature is' : ''
  const words = [refusal?.status, refusal?.error, refusal?.code].filter((word) => word !== undefined)
  return `${paint('red', paint('bold', 'REFUSED'))}  ${words.join(' ')}  ${paint('dim', `(${counts}${whatever})`)}`
}

function fromText({ token: { tenant, client, issuer } }: TokenReport): string {
  const parts = [
    ...(tenant === undefined ? (issuer === undefined ? [] : [issuer]) : [`tenant ${tenant}`]),
    ...(client === undefined ? [] : [`client ${client}`]),
  ]
  return parts.join(', ')
}

function signatureText({ signature, checks }: TokenReport): string {
  const key = checks.find(({ check }) => check === 'key')?.found
  return signature === 'not verified' || key === undefined ? signature : `${signature}, by key ${key}`
}

function checkLines(check: CheckVerdict, report: TokenReport, paint: Paint, columns: number): string[] {
  const name = check.check.padEnd(checkWidth)
  if (check.verdict === 'not_reached') return [paint('dim', `  · ${name} not reached`)]
  if (check.verdict === 'passed') {
    const found = check.check === 'lifetime' ? report.token.times : check.found
    return [
      `  ${paint('green', '✓')} ${name}${found === undefined ? '' : ` ${paint('dim', cut(found, columns - checkWidth - 6))}`}`.trimEnd(),
    ]
  }
  const why = [check.code, check.claim, check.reason].filter((word) => word !== undefined).join(', ')
  const indent = ' '.repeat(16)
  const line = (label: string, text: string | undefined): string[] =>
    text === undefined ? [] : [`      ${label.padEnd(9)} ${wrap(text, columns, indent).join('\n')}`]
  return [
    `  ${paint('red', '✗')} ${paint('bold', name)} ${why}`,
    ...line('expected', check.expected),
    ...line('found', check.check === 'lifetime' ? report.token.times : check.found),
    ...line('look at', check.setting),
  ]
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

/** What happened, and what to do: the story knows more of this token than the explanation of its code. */
function fixLines(
  { story, explanation, refusal, verdict }: TokenReport,
  labelled: (label: string, text: string) => string[],
): string[] {
  // A story that says what to do replaces the general advice, with its lines.
  const { fix, code, portal } = story?.fix === undefined ? { ...explanation, ...story } : story
  const challenge = refusal === undefined ? [] : Object.entries(refusal.headers)
  return [
    ...(story === undefined && explanation === undefined
      ? []
      : labelled('Why', story?.why ?? explanation?.cause ?? '')),
    ...(explanation === undefined
      ? []
      : labelled('Fix', `The ${explanation.whoCanFix}: ${fix ?? explanation.fix}`)),
    ...(code === undefined || refusal === undefined ? [] : labelled('  in code', code)),
    ...(portal === undefined || refusal === undefined ? [] : labelled('  in Entra', portalPath(portal))),
    ...challenge.flatMap(([name, value]) =>
      labelled(verdict === 'refused' ? 'Sent' : 'Would send', `${name}: ${value}`),
    ),
    ...(refusal === undefined ? [] : labelled('More', `countersign explain ${refusal.code}`)),
  ]
}
