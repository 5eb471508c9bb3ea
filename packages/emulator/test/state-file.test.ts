import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Emulator, type EmulatorOptions, startEmulator } from '@countersign/emulator'
import {
  askToken,
  contoso,
  createPkce,
  ids,
  nativeRedirectUri,
  refusal,
  registration,
  sendForm,
  signIn,
  startTestEmulator,
  withContoso,
} from './support.js'

let folder = ''
let state = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  state = join(folder, 'state.json')
})
const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

const restarted = async (
  options: EmulatorOptions,
  change?: (emulator: Emulator) => unknown,
): Promise<void> => {
  await using emulator = await startTestEmulator({ state, ...options })
  await change?.(emulator)
}

const daemon = { client: 'daemon', resource: 'v2' }
const native = { client: 'native', resource: 'v2', user: 'alice@contoso.example' }

describe('over a restart', () => {
  test('a grant and a role that are deleted from the registration are gone, and consent stays', async () => {
    await restarted({}, async (emulator) => {
      expect(emulator.explainPermission(daemon).roles).toEqual(['Things.Read.All'])
      const page = await signIn(emulator, { query: { scope: 'api://v2/Things.Write' } })
      await sendForm(emulator, page, { consent: 'accept' })
      expect(emulator.explainPermission(native).scopes).toEqual(['Things.Read', 'Things.Write'])
    })
    const without = withContoso({ oauth2PermissionGrants: [], appRoleAssignments: [] })
    await restarted({ registration: without }, (emulator) => {
      expect(emulator.explainPermission(daemon).roles).toEqual([])
      expect(emulator.explainPermission(native).scopes).toEqual(['Things.Write'])
    })
    await restarted({}, (emulator) => {
      expect(emulator.explainPermission(native).scopes).toEqual(['Things.Read', 'Things.Write'])
    })
  })

  test('a user whom the registration enables again is enabled; one that was disabled by a test stays so', async () => {
    const dora = { ...native, user: 'dora@contoso.example' }
    await restarted({}, (emulator) => {
      expect(emulator.explainPermission(dora).errorCode).toBe(50057)
      emulator.users.disable('alice@contoso.example')
    })
    const users = contoso.users.map((user) => ({ ...user, accountEnabled: true }))
    await restarted({ registration: withContoso({ users }) }, (emulator) => {
      expect(emulator.explainPermission(dora).errorCode).not.toBe(50057)
      expect(emulator.explainPermission(native).errorCode).toBe(50057)
      emulator.users.enable('alice@contoso.example')
    })
    await restarted({}, (emulator) => {
      expect(emulator.explainPermission(native).isIssued).toBe(true)
      expect(emulator.explainPermission(dora).errorCode).toBe(50057)
    })
  })

  test('a redeemed code stays redeemed, also in an instance that imported the snapshot', async () => {
    const pkce = createPkce()
    let form = {}
    await restarted({}, async (emulator) => {
      const page = await signIn(emulator, { pkce })
      form = {
        grant_type: 'authorization_code',
        client_id: ids.native,
        redirect_uri: nativeRedirectUri,
        code: page.location?.searchParams.get('code') ?? '',
        code_verifier: pkce.verifier,
      }
      expect((await askToken(emulator, form)).status).toBe(200)
    })
    await restarted({}, async (emulator) => {
      expect(refusal(await askToken(emulator, form)).code).toBe(54005)
      await using other = await startTestEmulator()
      other.importState(await emulator.exportState())
      expect(refusal(await askToken(other, form)).code).toBe(54005)
    })
  })
})

describe('a state file in use', () => {
  const inUse = /^state: .* is in use by another emulator/

  test('is refused to a second emulator of this process, and free after the first has stopped', async () => {
    const first = await startEmulator({ state })
    await expect(startEmulator({ state })).rejects.toThrow(inUse)
    await first.stop()
    await using second = await startEmulator({ state })
    expect(second.origin).toContain('localhost')
  })

  test('is free again after a start that failed', async () => {
    await expect(startEmulator({ state, registration: { tenants: [] } })).rejects.toThrow('registration')
    await using emulator = await startEmulator({ state })
    expect(emulator.origin).toContain('localhost')
  })

  test('is refused to another process while its owner runs, and taken over after kill -9', async () => {
    const owner = await startProgram(state)
    await expect(startEmulator({ state })).rejects.toThrow(inUse)
    await ended(owner.child, 'SIGKILL')
    expect(existsSync(`${state}.lock`)).toBe(true)
    await using emulator = await startEmulator({ state })
    expect(emulator.origin).toContain('localhost')
  })

  test('whose owner is of another machine is taken over when it is not touched, and refused while it is', async () => {
    const lock = `${state}.lock`
    await writeFile(lock, JSON.stringify({ id: 'x', pid: process.pid, scope: 'another', started: '1' }))
    const timer = setInterval(() => void utimes(lock, new Date(), new Date()), 200)
    await expect(startEmulator({ state })).rejects.toThrow(inUse)
    clearInterval(timer)
    await using emulator = await startEmulator({ state })
    expect(emulator.origin).toContain('localhost')
  })

  test('whose lock is not readable counts as stale, and is replaced', async () => {
    await writeFile(`${state}.lock`, '{')
    await using emulator = await startEmulator({ state })
    expect(emulator.origin).toContain('localhost')
  })
})

test('kill -9 during writes leaves a whole file, and no draft after the next start', async () => {
  let kids: unknown
  for (let round = 0; round < 5; round += 1) {
    const { child, origin } = await startProgram(state)
    const keys: unknown = await (await fetch(`${origin}/common/discovery/keys`)).json()
    kids ??= keys
    expect(keys).toEqual(kids)
    const page = await fetch(`${origin}/_/`).then((response) => response.text())
    const token = /name="page_token" value="([^"]*)"/.exec(page)?.[1] ?? ''
    const [user = ''] = contoso.users.map(({ userPrincipalName }) => userPrincipalName)
    // Each of them writes the file; the kill comes in the middle.
    const changes = Array.from({ length: 20 }, () =>
      fetch(`${origin}/_/users`, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ page_token: token, user, do: 'revoke' }),
      }).catch(() => undefined),
    )
    await changes[round % 20]
    await ended(child, 'SIGKILL')
    await Promise.all(changes)
    expect(JSON.parse(await readFile(state, 'utf8'))).toMatchObject({ version: 2 })
  }
  await restarted({})
  expect((await readdir(folder)).sort()).toEqual(['registration.json', 'state.json'])
})

/** The built program on a state file, with the registration of the tests. */
async function startProgram(file: string): Promise<{ child: ChildProcess; origin: string }> {
  const config = join(folder, 'registration.json')
  await writeFile(config, JSON.stringify(registration))
  const program = new URL('../dist/cli.js', import.meta.url).pathname
  const child = spawn(process.execPath, [program, '--port', '0', '--config', config, '--state', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let output = ''
  const origin = await new Promise<string>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`it ended: ${output}`)))
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (output.includes('Ctrl-C')) resolve(/address +(\S+)/.exec(output)?.[1] ?? '')
    })
  })
  return { child, origin }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await exit
}
