import { writeFile } from 'node:fs/promises'
import { type EmulatorFlags, withEmulator } from '../emulator/control.js'
import { type ExitCode, exitCodes, UsageError } from '../exit-codes.js'
import type { Terminal } from '../terminal.js'
import { createPaint, visible } from '../text.js'
import { junitXml } from './junit.js'
import { findingLines, nameWidth, summaryLine, summaryOf } from './report-text.js'
import type { Target } from './send.js'
import { createMint, type TokenFlags } from './tokens.js'
import { tryAll, tryGoodToken } from './trial.js'

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

/** `countersign probe`: sends what an API must refuse, and prints what came back. */
export async function probe(url: string, flags: ProbeFlags, terminal: Terminal): Promise<ExitCode> {
  const target = readTarget(url, flags)
  const accepted = {
    versions: readVersions(flags.versions),
    anyTenant: flags.anyTenant === true,
    withoutPermissions: flags.withoutPermissions === true,
  }
  return withEmulator(flags, terminal, defaultPort, async (control) => {
    const startedAt = performance.now()
    const mint = await createMint(control, flags)
    const trial = { target, control, mint, accepted, skip: flags.skip ?? [] }
    const good = await tryGoodToken(trial)
    const paint = createPaint(terminal.isColoured)
    const print = (line: string): void => {
      if (flags.json !== true) terminal.write(line)
    }
    const api = visible(mint.api.displayName)
    print(`Probing ${target.method} ${url} as ${api}, with tokens for ${visible(mint.caller)}`)
    print(`  ${paint('green', '✓')} ${'a good token'.padEnd(nameWidth)} ${good}, accepted`)
    const findings = await tryAll(trial, good, {
      trying: (number, of, name) => terminal.progress(`${number} of ${of}  ${name}`),
      found(finding) {
        terminal.progress('')
        for (const line of findingLines(finding, paint)) print(line)
      },
    })
    const summary = summaryOf(findings, (performance.now() - startedAt) / 1000)
    if (flags.junit !== undefined) await writeJunit(flags.junit, junitXml(url, findings, summary))
    print('')
    print(summaryLine(summary, paint))
    if (flags.json === true) {
      terminal.write(JSON.stringify({ url, api: mint.api.displayName, summary, findings }, undefined, 2))
    }
    return summary.wrong + summary.accepted === 0 ? exitCodes.yes : exitCodes.no
  })
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
