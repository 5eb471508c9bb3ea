import { type Explanation, refusals } from '@countersign/core'
import { type ApiFlags, isDescribed, isOfEntra, permissionOf, validatorOf } from './api.js'
import { factsOf } from './facts.js'
import type { FoundToken } from './read-token.js'
import type { TokenReport } from './report.js'
import { storyOf } from './stories.js'
import { decode, type Json, textOf } from './unverified.js'

/** The verdict of the API that the flags describe, on one token. */
export async function judge(
  { token, notes }: FoundToken,
  flags: ApiFlags,
  now: number,
): Promise<TokenReport> {
  const parts = decode(token)
  const names = namesOf(flags)
  const described = { token: factsOf(parts, now, names), notes }
  if (!isDescribed(flags)) {
    return {
      ...described,
      verdict: 'undecided',
      undecided: 'no API is described, so nothing can be compared',
      next: suggestion(parts.claims),
      signature: 'not verified',
      checks: [],
    }
  }
  const validator = await validatorOf(flags, now)
  try {
    const explanation = await validator.explain(token, permissionOf(flags, isOfEntra(flags, parts.claims)))
    const decided = decide(explanation, flags.offline === true)
    const failed = explanation.checks.filter(({ verdict }) => verdict === 'failed')
    const story = storyOf({
      parts,
      failed: failed.filter(({ code }) => !isOutage(code)),
      now,
      clientId: flags.clientId,
      scopes: flags.scope ?? [],
    })
    return {
      ...described,
      ...decided,
      signature: signatureOf(explanation),
      checks: explanation.checks,
      ...(story === undefined || decided.verdict === 'accepted' ? {} : { story }),
      ...(await explanationOf(decided.refusal?.code)),
    }
  } finally {
    validator.close()
  }
}

/** The command that describes an API for this token, with what the token says of itself: ready to copy. */
function suggestion(claims: Json | undefined): string {
  const [tenant, audience, issuer] = ['tid', 'aud', 'iss'].map((name) => pasteable(textOf(claims, name)))
  const id = /^(?:api:\/\/)?([\da-f-]{36})$/i.exec(audience ?? '')?.[1]
  const flags =
    tenant === undefined
      ? `--issuer ${issuer ?? '<address>'} --audience ${audience ?? '<aud>'}`
      : `--tenant ${tenant} ${id === undefined ? `--audience ${audience ?? '<aud>'}` : `--client-id ${id}`}`
  return `countersign explain ${flags}`
}

/** Only what can be pasted into a shell as it is. */
function pasteable(value: string | undefined): string | undefined {
  return value !== undefined && /^[\w:/.-]{1,200}$/.test(value) ? value : undefined
}

function namesOf({ clientId, tenant }: ApiFlags): Readonly<Record<string, string>> {
  return {
    ...(clientId === undefined ? {} : { [clientId.toLowerCase()]: 'this API' }),
    ...(clientId === undefined ? {} : { [`api://${clientId.toLowerCase()}`]: 'this API' }),
    ...(tenant === undefined ? {} : { [tenant.toLowerCase()]: 'the tenant of this API' }),
  }
}

function isOutage(code: string | undefined): boolean {
  return (
    code !== undefined &&
    Object.hasOwn(refusals, code) &&
    refusals[code as keyof typeof refusals].status === 503
  )
}

type Decided = Pick<TokenReport, 'verdict' | 'refusal' | 'undecided'>

/**
 * An outage decides nothing. Offline there is no key, so the first check that failed for another reason decides: no signature
 * can make up for it.
 */
function decide({ accepted, refusal, checks }: Explanation, isOffline: boolean): Decided {
  if (accepted || refusal === undefined) return { verdict: 'accepted' }
  if (!isOutage(refusal.code)) return { verdict: 'refused', refusal: withError(refusal) }
  const other = checks.find(({ verdict, code }) => verdict === 'failed' && !isOutage(code))
  if (isOffline && other?.code !== undefined) {
    const { status } = refusals[other.code]
    return { verdict: 'refused', refusal: withError({ code: other.code, status, headers: {} }) }
  }
  // What keeps it from a decision was asked for: there is nothing to fix.
  if (isOffline) return { verdict: 'undecided', undecided: 'offline: the signature is not verified' }
  return {
    verdict: 'undecided',
    undecided: refusals[refusal.code].phrase.toLowerCase(),
    refusal: withError(refusal),
  }
}

function withError(refusal: NonNullable<Explanation['refusal']>): NonNullable<TokenReport['refusal']> {
  const { error } = refusals[refusal.code]
  return { ...refusal, ...(error === undefined ? {} : { error }) }
}

function signatureOf({ checks }: Explanation): TokenReport['signature'] {
  const verdict = checks.find(({ check }) => check === 'signature')?.verdict
  return verdict === 'passed' ? 'valid' : verdict === 'failed' ? 'not valid' : 'not verified'
}

/** The table is loaded only for a refusal. */
async function explanationOf(code: string | undefined): Promise<Pick<TokenReport, 'explanation'>> {
  if (code === undefined) return {}
  const { refusalExplanations } = await import('@countersign/explanations/refusals')
  const explanation = refusalExplanations[code]
  return explanation === undefined ? {} : { explanation }
}
