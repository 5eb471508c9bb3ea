import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Emulator } from '@countersign/emulator'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asked, command, registration, startTestEmulator } from './support.js'
import { others, type Target } from './targets.js'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/```console\n\$ (.*)\n([\s\S]*?)```/g)].map(
  ([, line = '', output = '']) => [line, output.trimEnd()] as const,
)

let emulator: Emulator
let api: Target
let folder = ''
beforeAll(async () => {
  emulator = await startTestEmulator()
  api = await others['@fastify/jwt'](emulator)
  folder = await mkdtemp(join(tmpdir(), 'countersign-readme-'))
  await writeFile(join(folder, 'registration.json'), JSON.stringify(registration))
})
afterAll(async () => {
  await api.stop()
  await emulator.stop()
  await rm(folder, { recursive: true })
})

const documentedApi = 'http://localhost:3000/orders'
const documentedEmulator = 'http://localhost:8400'

/** Runs a line of the README against what runs here, and gives the output the addresses and times of the README. */
async function output(line: string): Promise<string> {
  const [words = '', file] = line.replace(/^countersign /, '').split(' < ')
  const args = words
    .split(' ')
    .map((word) => word.replace(documentedApi, api.url).replace(documentedEmulator, emulator.origin))
    .map((word) => (word.endsWith('.json') ? join(folder, word) : word))
  const named = args[0] === 'probe' ? [...args, '--emulator', emulator.origin] : args
  const input = file === undefined ? '' : await emulator.issueToken({ ...asked, flaw: 'wrongAudience' })
  const ended = await command(named, {
    input,
    environment: { COUNTERSIGN_EMULATOR_TOKEN: emulator.controlApi.token },
  })
  return (
    ended.output
      .replaceAll(api.url, documentedApi)
      .replaceAll(emulator.origin, documentedEmulator)
      .replaceAll(`${folder}/`, '')
      .replaceAll(/kid "[\w-]{27}"/g, 'kid "Mc7l3IzXyUzsEqPk2KVvTcmDPLk"')
      .replaceAll(
        /issued 5 min( \d+ s)? ago, expires in (1 h|59 min \d+ s)/g,
        'issued 5 min ago, expires in 1 h',
      )
      .replace(/\([\d.]+ s\)$/m, '(0.4 s)')
      // Where a line of an address is cut depends on the port.
      .replaceAll(/"http:\/\/localhost:8400.*…$/gm, '"http://localhost:8400/…')
  )
}

describe('packages/cli/README.md', () => {
  it('shows every command that answers a question', () => {
    const commands = blocks.map(([line]) => line.split(' ')[1])
    expect([...new Set(commands)]).toEqual(['explain', 'probe', 'can', 'check'])
  })

  it.each(blocks)('shows what a run prints: %s', async (line, shown) => {
    const printed = await output(line)
    const [first = '', ...more] = shown.split(/^…$/m).map((part) => part.trim())
    expect(printed.startsWith(first)).toBe(true)
    let at = first.length
    for (const part of more) {
      const found = printed.indexOf(part, at)
      expect(found, part).toBeGreaterThan(at)
      at = found + part.length
    }
    // Nothing is left out at the end, unless the README says so.
    expect(printed.slice(at).trim()).toBe('')
  })
})
