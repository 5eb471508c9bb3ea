import type { Control } from '../emulator/control.js'
import { UndecidedError, UsageError } from '../exit-codes.js'
import { printable } from '../text.js'
import { badRequests, type KeyServer, startKeyServer } from './bad-requests.js'
import { type AcceptedByDesign, badTokens } from './bad-tokens.js'
import type { ProbeCase } from './case.js'
import { type Finding, judge } from './finding.js'
import { send, type Target } from './send.js'
import type { Mint } from './tokens.js'

/** An API on trial. */
export interface Trial {
  readonly target: Target
  readonly control: Control
  readonly mint: Mint
  readonly accepted: AcceptedByDesign
  /** Names of cases that are not sent. */
  readonly skip: readonly string[]
}

/** Who watches a trial. */
export interface Watcher {
  /** Before a case is sent. */
  trying(number: number, of: number, name: string): void
  found(finding: Finding): void
}

/**
 * The status that a good token is answered with. Throws an UndecidedError where that is no success: refusals prove nothing
 * then.
 */
export async function tryGoodToken({ target, mint, control }: Trial): Promise<number> {
  const answer = await send(target, { authorization: [`Bearer ${await mint.token()}`] })
  if (answer === undefined) throw new UndecidedError(`no API answers at ${target.url.origin}`)
  const { status, challenges } = answer
  if (status < 400) return status
  const challenge = challenges.length === 0 ? '' : ` (${printable(challenges.join(', '))})`
  const hint = [401, 403].includes(status)
    ? `does it trust this emulator, as ${mint.api.displayName} (${mint.api.appId})? Name client, user, scopes and roles that it accepts`
    : 'name a route that answers it with success, and --method, --header and --body where it needs them'
  throw new UndecidedError(
    `the API answers a good token of ${control.origin} for ${mint.caller} with ${status}${challenge}: ${hint}`,
  )
}

/** Sends every case, one after the other, and a good token at the end. `good` is the status of a good token. */
export async function tryAll(trial: Trial, good: number, watcher: Watcher): Promise<Finding[]> {
  const keyServer = await startKeyServer()
  try {
    const cases = await casesOf(trial, keyServer)
    const findings: Finding[] = []
    for (const [index, each] of cases.entries()) {
      watcher.trying(index + 1, cases.length, each.name)
      const finding = await tryCase(each, trial.target, good)
      findings.push(finding)
      watcher.found(finding)
    }
    return findings
  } finally {
    await keyServer.stop()
  }
}

async function casesOf({ control, mint, accepted, skip }: Trial, keyServer: KeyServer): Promise<ProbeCase[]> {
  const cases = [
    ...(await badTokens(control, mint, accepted)),
    ...(await badRequests(mint, keyServer, accepted.withoutPermissions)),
    goodTokenAgain(mint),
  ]
  const names = cases.map(({ name }) => name)
  const unknown = skip.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`--skip: there is no "${unknown}"; there are ${names.join(', ')}`)
  }
  return cases.map((each) => (skip.includes(each.name) ? { ...each, skipped: 'by --skip' } : each))
}

async function tryCase(each: ProbeCase, target: Target, good: number): Promise<Finding> {
  const { name, group, meaning, skipped } = each
  if (skipped !== undefined) return { name, group, meaning, result: 'skipped', detail: skipped }
  const outgoing = await each.prepare()
  const answer = await send(target, outgoing)
  const sent = [
    ...outgoing.authorization.map((value) => value.split(' ')[1] ?? ''),
    ...Object.values(outgoing.query ?? {}),
  ]
  // A short text may be in an answer by chance.
  const tokens = sent.filter((token) => token.length > 40)
  return judge(each, answer, tokens, good)
}

/** Whether the API has survived: what follows a failure inside it would otherwise look like refusals. */
function goodTokenAgain(mint: Mint): ProbeCase {
  return {
    name: 'goodTokenAgain',
    group: 'request',
    meaning: 'A good token is still accepted after all of it.',
    refusals: [],
    prepare: async () => ({ authorization: [`Bearer ${await mint.token()}`] }),
  }
}
