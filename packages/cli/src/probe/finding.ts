import type { ProbeCase, RightRefusal } from './case.js'
import type { Answer } from './send.js'

/** What an API made of one case. */
export interface Finding {
  readonly name: string
  readonly group: ProbeCase['group']
  readonly meaning: string
  /** `wrong`: refused, but not with the answer that the standards ask for, or not accepted though it is good. */
  readonly result: 'right' | 'wrong' | 'accepted' | 'skipped'
  /** "401 invalid_token". */
  readonly answered?: string
  /** What would have been right. */
  readonly expected?: string
  /** What is wrong with the answer, or why the case was skipped. */
  readonly detail?: string
}

/** Judges an answer. `good` is the status that the API answers a good token with. */
export function judge(
  probe: ProbeCase,
  answer: Answer | undefined,
  sent: readonly string[],
  good: number,
): Finding {
  const { name, group, meaning, refusals } = probe
  const about = { name, group, meaning }
  if (answer === undefined) return { ...about, ...withoutAnswer(refusals) }
  const error = errorOf(answer)
  const answered = [answer.status, error].filter((word) => word !== undefined).join(' ')
  const isAccepted = answer.status === good || (answer.status >= 200 && answer.status < 300)
  if (refusals.length === 0) {
    return isAccepted
      ? { ...about, result: 'right', answered }
      : { ...about, result: 'wrong', answered, expected: 'accepted', detail: 'it is good, and is refused' }
  }
  const expected = refusals.map(textOf).join(', or ')
  if (isAccepted) return { ...about, result: 'accepted', answered, expected }
  const detail = probe.sideEffect?.() ?? faultOf(answer, error, sent, refusals)
  return detail === undefined
    ? { ...about, result: 'right', answered }
    : { ...about, result: 'wrong', answered, expected, detail }
}

function withoutAnswer(refusals: readonly RightRefusal[]): Omit<Finding, 'name' | 'group' | 'meaning'> {
  // A server that stops reading headers that are too large may end the connection before its answer is read.
  if (refusals.some(({ status }) => status === 431)) return { result: 'right', answered: 'connection ended' }
  return {
    result: 'wrong',
    answered: 'no answer',
    expected: refusals.length === 0 ? 'accepted' : refusals.map(textOf).join(', or '),
    detail: 'no answer came within ten seconds, or the connection ended',
  }
}

export function textOf({ status, error }: RightRefusal): string {
  return error === undefined ? String(status) : `${status} ${error}`
}

/** What is wrong with a refusal; undefined if nothing is. */
function faultOf(
  { status, challenges, text }: Answer,
  error: string | undefined,
  sent: readonly string[],
  refusals: readonly RightRefusal[],
): string | undefined {
  if (sent.some((secret) => secret !== '' && text.includes(secret))) return 'the answer repeats the token'
  const right = refusals.filter((refusal) => refusal.status === status)
  if (right.length === 0) return 'the status is wrong'
  // Only 401 needs a challenge (RFC 9110 section 11.6.1); what a server refuses before the API has none.
  if (status === 401 && !challenges.some((challenge) => /^(bearer|dpop)\b/i.test(challenge))) {
    return 'no challenge (WWW-Authenticate: Bearer)'
  }
  if (status !== 401 && error === undefined) return undefined
  if (right.some((refusal) => refusal.error === error)) return undefined
  return error === undefined ? 'the challenge names no error' : `the challenge names the error ${error}`
}

function errorOf({ challenges }: Answer): string | undefined {
  const found = challenges.map((challenge) => /\berror="?([\w-]{1,60})/i.exec(challenge)?.[1])
  return found.find((error) => error !== undefined)
}
