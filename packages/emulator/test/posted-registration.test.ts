import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { startTestEmulator } from './support.js'

/*
 * A registration that is posted to the page is data, never the name of a file: who may use the page may not read the
 * files of this machine.
 */

let emulator: Emulator
let folder: string
beforeAll(async () => {
  emulator = await startTestEmulator()
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  await writeFile(join(folder, 'members.json'), JSON.stringify({ privateMember: 1 }))
  await writeFile(
    join(folder, 'registration.json'),
    JSON.stringify({ tenants: [{ domains: ['private.example'] }] }),
  )
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'pipe')])
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

async function post(text: string, action: string): Promise<{ status: number; alert: string; html: string }> {
  const form = await (await fetch(`${emulator.origin}/_/registration`)).text()
  const response = await fetch(`${emulator.origin}/_/registration`, {
    method: 'POST',
    signal: AbortSignal.timeout(5000),
    body: new URLSearchParams({
      page_token: /name="page_token" value="([^"]*)"/.exec(form)?.[1] ?? '',
      registration: text,
      do: action,
    }),
  })
  const html = await response.text()
  return { status: response.status, alert: /role="alert">([^<]*)</.exec(html)?.[1] ?? '', html }
}

describe.each(['check', 'apply'])('a posted registration, to %s', (action) => {
  test.each([
    ['a file that exists', () => join(folder, 'members.json')],
    ['a file that does not exist', () => join(folder, 'nothing')],
    ['another registration file', () => join(folder, 'registration.json')],
    ['a pipe', () => join(folder, 'pipe')],
    ['a device', () => '/dev/null'],
    ['a folder', () => folder],
  ])('that is the path of %s is refused as text, and nothing is opened', async (_, path) => {
    const before = emulator.requests.length
    const { status, alert, html } = await post(JSON.stringify(path()), action)
    expect(status).toBe(400)
    expect(alert).toBe('registration: must be an object')
    expect(html).not.toMatch(/privateMember|private\.example/)
    expect(emulator.requests.length).toBe(before)
    expect(await (await fetch(`${emulator.origin}/_/registration`)).text()).toContain('contoso.example')
  })

  test.each(['null', '1', 'true', '[]', '"[hidden]"'])(
    'that is %s instead of an object is refused',
    async (text) => {
      const { status, alert } = await post(text, action)
      expect([status, alert]).toEqual([400, 'registration: must be an object'])
    },
  )
})
