import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { startEmulator } from '@countersign/emulator'

interface Row {
  readonly behaviour: string
  readonly status: string
  readonly file: string | undefined
  readonly name: string | undefined
}

let rows: Row[] = []
beforeAll(async () => {
  const text = await readFile(new URL('../../../docs/emulator-parity.md', import.meta.url), 'utf8')
  rows = text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (Behaviour|-)/.test(line))
    .map((line) => {
      const [, behaviour = '', status = '', , shown = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
      const [, file, name] = /^`([\w-]+\.test\.ts)`: (.+)$/.exec(shown) ?? []
      return { behaviour, status, file, name }
    })
})

describe('the parity document', () => {
  test('has one status for every behaviour, and a test for every behaviour that is not absent', () => {
    expect(rows.length).toBeGreaterThan(60)
    for (const { behaviour, status, file } of rows) {
      expect([behaviour, ['real', 'emulated', 'absent'].includes(status)]).toEqual([behaviour, true])
      if (status !== 'absent') expect([behaviour, typeof file]).toEqual([behaviour, 'string'])
    }
    expect(new Set(rows.map(({ behaviour }) => behaviour)).size).toBe(rows.length)
  })

  test('names tests that exist', async () => {
    for (const { behaviour, file, name } of rows) {
      if (file === undefined || name === undefined) continue
      const code = await readFile(new URL(file, import.meta.url), 'utf8')
      const isThere = [`'${name}'`, `"${name}"`].some((quoted) => code.includes(quoted))
      expect([behaviour, name, isThere]).toEqual([behaviour, name, true])
    }
  })

  test('is right that what is absent answers 404', async () => {
    await using emulator = await startEmulator()
    for (const path of [
      '/common/kerberos',
      '/common/oauth2/checksession',
      '/common/saml2',
      '/common/wsfed',
      '/common/oauth2/v2.0/par',
      '/v1.0/applications',
      '/beta/me',
      '/scim/Users',
    ]) {
      expect([path, (await fetch(`${emulator.origin}${path}`)).status]).toEqual([path, 404])
    }
  })
})
