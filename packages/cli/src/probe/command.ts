import { writeFile } from 'node:fs/promises'
import { type Control, type EmulatorFlags, withEmulator } from '../emulator/control.js'
import { type ExitCode, exitCodes, UndecidedError, UsageError } from '../exit-codes.js'
import type { Terminal } from '../terminal.js'
import { createPaint, printable, visible } from '../text.js'
import { badRequests, type KeyServer, startKeyServer } from './bad-requests.js'
import { badTokens } from './bad-tokens.js'
import type { ProbeCase } from './case.js'
import { type Finding, judge } from './finding.js'
import { junitXml } from './junit.js'
import { findingLines, summaryLine, summaryOf } from './report-text.js'
import { send, type Target } from './send.js'
import { createMint, type Mint, type TokenFlags } from './tokens.js'

export interface ProbeFlags extends EmulatorFlags, TokenFlags {
  readonly method?: string | undefined
  readonly header?: readonly string[] | undefined
  readonly body?: string | undefined
  readonly versions?: readonly string[] | undefined
  readonly anyTenant?: boolean | undefined
  readonly withoutPermissions?: boolean | undefined
  readonly skip?: readonly string[] | undefined
  readonly json?: boolean | undefined
  readonly junit?: string | undefined
}

/** The port of an emulator that is started here: the default of the emulator itself, which the API is likely to know. */
const defaultPort = 8400

/** `countersign probe`: sends what an API must refuse, and prints what it made of it. */
export async function probe(url: string, flags: ProbeFlags, terminal: Terminal): Promise<ExitCode> {
  const target = readTarget(url, flags)
  const versions = readVersions(flags.versions)
  return withEmulator(flags, terminal, defaultPort, async (control) => {
    const startedAt = performance.now()
    const mint = await createMint(control, flags)
    const good = await checkGood(target, mint, control)
    const paint = createPaint(terminal.isColoured)
    const isText = flags.json !== true
    if (isText) {
      terminal.write(
        `Probing ${target.method} ${url} as ${visible(mint.api.displayName)}, with tokens for ${visible(mint.caller)}`,
      )
      terminal.write(`  ${paint('green', '✓')} ${'a good token'.padEnd(20)} ${good}, accepted`)
    }
    const keyServer = await startKeyServer()
    const findings: Finding[] = []
    try {
      const cases = await casesOf(control, mint, keyServer, flags, versions)
      for (const [index, each] of cases.entries()) {
        terminal.progress(`${index + 1} of ${cases.length}  ${each.name}`)
        const finding = await tryCase(each, target, good)
        findings.push(finding)
        terminal.progress('')
        if (isText) for (const line of findingLines(finding, paint)) terminal.write(line)
      }
    } finally {
      terminal.progress('')
      await keyServer.stop()
    }
    findings.push(await tryCase(stillGood(mint), target, good))
    const summary = summaryOf(findings, (performance.now() - startedAt) / 1000)
    if (flags.junit !== undefined) await writeJunit(flags.junit, junitXml(url, findings, summary))
    if (isText) {
      for (const line of findingLines(findings.at(-1) as Finding, paint)) terminal.write(line)
      terminal.write('')
      terminal.write(summaryLine(summary, paint))
    } else {
      terminal.write(JSON.stringify({ url, api: mint.api.displayName, summary, findings }, undefined, 2))
    }
    return summary.wrong + summary.accepted === 0 ? exitCodes.yes : exitCodes.no
  })
}

async function casesOf(
  control: Control,
  mint: Mint,
  keyServer: KeyServer,
  flags: ProbeFlags,
  versions: readonly string[],
): Promise<ProbeCase[]> {
  const withoutPermissions = flags.withoutPermissions === true
  const cases = [
    ...(await badTokens(control, mint, {
      versions,
      anyTenant: flags.anyTenant === true,
      withoutPermissions,
    })),
    ...(await badRequests(mint, keyServer, withoutPermissions)),
  ]
  const names = cases.map(({ name }) => name)
  const unknown = flags.skip?.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`--skip: there is no "${unknown}"; there are ${names.join(', ')}`)
  return cases.map((each) =>
    flags.skip?.includes(each.name) === true ? { ...each, skipped: 'by --skip' } : each,
  )
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
  return judge(
    each,
    answer,
    sent.filter((token) => token.length > 40),
    good,
  )
}

/** Whether the API has survived: what follows a failure inside it would otherwise look like refusals. */
function stillGood(mint: Mint): ProbeCase {
  return {
    name: 'goodTokenAgain',
    group: 'request',
    meaning: 'A good token is still accepted after all of it.',
    refusals: [],
    prepare: async () => ({ authorization: [`Bearer ${await mint.token()}`] }),
  }
}

/** The status that a good token is answered with. Without one, refusals prove nothing. */
async function checkGood(target: Target, mint: Mint, { origin }: Control): Promise<number> {
  const answer = await send(target, { authorization: [`Bearer ${await mint.token()}`] })
  if (answer === undefined) throw new UndecidedError(`no API answers at ${target.url.origin}`)
  const { status, challenges } = answer
  if ([400, 401, 403].includes(status) || status >= 500) {
    const challenge = challenges.length === 0 ? '' : ` (${printable(challenges.join(', '))})`
    throw new UndecidedError(
      `the API answers a good token of ${origin} for ${mint.caller} with ${status}${challenge}: does it trust this emulator, as ${mint.api.displayName} (${mint.api.appId})? Name client, user, scopes and roles that it accepts`,
    )
  }
  return status
}

function readTarget(text: string, { method = 'GET', header = [], body }: ProbeFlags): Target {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new UsageError('the address must be that of a route, such as http://localhost:3000/orders')
  }
  const headers = header.map((line) => {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~\w-]+):\s*([\x20-\x7E]*)$/.exec(line) ?? []
    if (name === '') throw new UsageError('--header must be of the form "Name: value"')
    return [name, value] as const
  })
  return { url: new URL(text), method: method.toUpperCase(), headers, body }
}

function readVersions(versions: readonly string[] = ['1.0', '2.0']): readonly string[] {
  if (versions.every((version) => ['1.0', '2.0'].includes(version))) return versions.toSorted()
  throw new UsageError('--versions must be 1.0, 2.0 or both')
}

async function writeJunit(path: string, xml: string): Promise<void> {
  try {
    await writeFile(path, xml)
  } catch (error) {
    throw new UsageError(`--junit: cannot write ${path} (${String((error as { code?: unknown }).code)})`)
  }
}
