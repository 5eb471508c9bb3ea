// Load and sudden ends of the emulator; ends with 1 if something is wrong.
//   node benchmarks/emulator-load.mjs
// 1. 2,000 requests at 50 connections, several times over, of token requests and of a whole sign-in: every answer is good, and the heap
//    after a collection does not grow.
// 2. 25 times kill -9 while the state file is written: each time the file is whole, and the next start continues from it.
import { fork, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const requests = 2000
const connections = 50
const rounds = 6
const kills = 25
/** The heap may vary by that much between two rounds. */
const mostGrowthBytes = 1024 * 1024

/** Client ids by name, as the emulator derived them. */
let clients = {}

if (process.argv[2] === 'serve') await serve()
else await main()

async function main() {
  const problems = [...(await load()), ...(await suddenEnds())]
  for (const problem of problems) console.error(`WRONG: ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

/** The emulator in a process of its own, which reports its heap after a collection when it is asked. */
async function serve() {
  const { startEmulator } = await import('@countersign/emulator')
  const emulator = await startEmulator({ state: process.argv[3] })
  process.on('message', () => {
    // Redeemed codes are kept for ten minutes, until they expire.
    emulator.clock.advance(700)
    globalThis.gc()
    globalThis.gc()
    process.send({ heap: process.memoryUsage().heapUsed })
  })
  const response = await fetch(`${emulator.controlApi.address}/directory`, {
    headers: { authorization: `Bearer ${emulator.controlApi.token}` },
  })
  const { applications } = await response.json()
  const named = Object.fromEntries(applications.map(({ displayName, appId }) => [displayName, appId]))
  process.send({ origin: emulator.origin, clients: named })
}

async function load() {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-load-'))
  const child = fork(fileURLToPath(import.meta.url), ['serve', join(folder, 'state.json')], {
    execArgv: ['--expose-gc'],
  })
  const ask = async (message) => {
    if (message !== undefined) child.send(message)
    return (await once(child, 'message'))[0]
  }
  const started = await ask()
  const { origin } = started
  clients = started.clients
  const problems = []
  for (const { name, call } of [
    { name: 'client credentials', call: clientCredentials },
    { name: 'sign-in, code, refresh', call: signIn },
  ]) {
    const heaps = []
    const begun = performance.now()
    for (let round = 0; round < rounds; round++) {
      const failed = await atOnce(() => call(origin))
      if (failed.length > 0) problems.push(`${name}: ${failed.length} failed, first: ${failed[0]}`)
      heaps.push((await ask('heap')).heap)
    }
    const seconds = (performance.now() - begun) / 1000
    // The first rounds fill caches and the request log.
    const settled = heaps.slice(rounds / 2)
    const growth = Math.max(...settled) - settled[0]
    const shown = heaps.map((heap) => (heap / 1e6).toFixed(1)).join(' ')
    console.log(
      `${name}: ${rounds} × ${requests} at ${connections}, ${((rounds * requests) / seconds).toFixed(0)}/s, heap in MB ${shown}`,
    )
    if (growth > mostGrowthBytes) problems.push(`${name}: the heap grows by ${(growth / 1e6).toFixed(1)} MB`)
  }
  child.kill()
  await once(child, 'exit')
  rmSync(folder, { recursive: true })
  return problems
}

/** Runs a call as often as there are requests, some at a time. Returns what went wrong. */
async function atOnce(call) {
  const failed = []
  let left = requests
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left-- > 0) await call().catch((error) => failed.push(error.message))
    }),
  )
  return failed
}

async function clientCredentials(origin) {
  await tokens(origin, {
    grant_type: 'client_credentials',
    client_id: clients.daemon,
    client_secret: 'not-a-secret-daemon',
    scope: 'api://api/.default',
  })
}

async function signIn(origin) {
  const verifier = 'v'.repeat(43)
  const path = `${origin}/contoso.example/oauth2/v2.0/authorize`
  const query = new URLSearchParams({
    client_id: clients.app,
    response_type: 'code',
    redirect_uri: 'http://localhost',
    scope: 'openid offline_access api://api/Things.Read',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const page = await (await fetch(`${path}?${query}`)).text()
  const [, transaction] = /name="transaction" value="([^"]*)"/.exec(page) ?? []
  const done = await fetch(path, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ transaction, user: 'bob@contoso.example' }),
  })
  const code = new URL(done.headers.get('location')).searchParams.get('code')
  const common = { client_id: clients.app, redirect_uri: 'http://localhost' }
  const first = await tokens(origin, {
    ...common,
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
  })
  await tokens(origin, { ...common, grant_type: 'refresh_token', refresh_token: first.refresh_token })
}

async function tokens(origin, form) {
  const response = await fetch(`${origin}/contoso.example/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  const body = await response.json()
  if (response.status !== 200) throw new Error(`${response.status} ${body.error_codes}`)
  return body
}

async function suddenEnds() {
  const folder = mkdtempSync(join(tmpdir(), 'emulator-kill-'))
  const state = join(folder, 'state.json')
  const program = fileURLToPath(new URL('cli.js', import.meta.resolve('@countersign/emulator')))
  const problems = []
  let kid
  for (let round = 0; round < kills; round++) {
    const child = spawn(process.execPath, [program, '--port', '0', '--state', state], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, COUNTERSIGN_EMULATOR_TOKEN: 'a-token-of-the-load-test' },
    })
    let output = ''
    await new Promise((resolve) => {
      child.stdout.on('data', (chunk) => {
        output += chunk
        if (output.includes('Ctrl-C')) resolve()
      })
      child.once('exit', resolve)
    })
    const [, address] = /control +(\S+)/.exec(output) ?? []
    if (address === undefined) {
      problems.push(`round ${round}: it did not start`)
      break
    }
    const call = async (method, path, body) => {
      const response = await fetch(`${address}${path}`, {
        method,
        headers: { authorization: 'Bearer a-token-of-the-load-test', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return response.json()
    }
    const [first] = (await call('GET', '/keys')).keys
    kid ??= first.kid
    if (first.kid !== kid) problems.push(`round ${round}: it has lost its keys`)
    // Each of them writes the file; the end comes in the middle, a little later in every round.
    const changes = Array.from({ length: 40 }, () =>
      call('POST', '/users/bob@contoso.example/revoke-sessions', {}).catch(() => {}),
    )
    await changes[round % 40]
    child.kill('SIGKILL')
    await once(child, 'exit')
    await Promise.all(changes)
    try {
      if (JSON.parse(readFileSync(state, 'utf8')).version !== 2) throw new Error('another version')
    } catch (error) {
      problems.push(`round ${round}: the state file is broken (${error.message})`)
    }
  }
  const left = readdirSync(folder).length
  console.log(
    `kill -9: ${kills} times during writes, ${problems.length} problems, ${left} files left before the next start`,
  )
  rmSync(folder, { recursive: true })
  return problems
}
