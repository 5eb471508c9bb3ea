import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { validate } from 'dockerfile-utils'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTlsCertificate } from '../src/keys/tls-certificates.js'

/*
 * No container engine runs here. What the image and the compose file say is run as processes: the entry point, its
 * settings, the health check, the signals, and the API of the example beside it.
 */

const packageFolder = new URL('../', import.meta.url)
const example = new URL('../../../examples/docker/', import.meta.url)
const read = (url: URL): Promise<string> => readFile(url, 'utf8')

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

let folder = ''
let apiFolder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  // Inside the package, where the dependencies of the API are found.
  apiFolder = await mkdtemp(join(packageFolder.pathname, 'dist', '.example-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await rm(apiFolder, { recursive: true })
})

/** A process that writes a line that fits, or fails with all it wrote. */
async function begin(
  args: readonly string[],
  env: Record<string, string>,
  line: RegExp,
): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(process.execPath, args, { env: { PATH: process.env['PATH'], ...env } })
  children.push(child)
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`it ended with ${code}: ${output}`)))
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
        if (line.test(output)) resolve()
      })
    }
  })
  return { child, output: () => output }
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)))

async function freePort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}

/** The variables of a Dockerfile's ENV. */
function environmentOf(dockerfile: string): Record<string, string> {
  const [, block = ''] = /^ENV ((?:.*\\\n)*.*)$/m.exec(dockerfile) ?? []
  return Object.fromEntries(
    [...block.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

/** The environment of a service of the compose file. */
function environmentIn(compose: string, service: string): Record<string, string> {
  const [, section = ''] = new RegExp(`^  ${service}:\\n((?:(?:    .*)?\\n)*)`, 'm').exec(compose) ?? []
  const [, block = ''] = /^ {4}environment:\n((?: {6}.*\n)*)/m.exec(section) ?? []
  return Object.fromEntries(
    [...block.matchAll(/^ {6}(\w+): (.+)$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replaceAll("'", ''),
    ]),
  )
}

/** A command of a Dockerfile as arguments for Node, with the program of this package. */
function commandOf(dockerfile: string, instruction: RegExp): string[] {
  const [, json = '[]'] = instruction.exec(dockerfile) ?? []
  const [program, ...args] = JSON.parse(json) as string[]
  expect(program).toBe('node')
  return args.map((arg) => arg.replace('node_modules/@countersign/emulator/', packageFolder.pathname))
}

describe('the Dockerfile', () => {
  test.each([
    ['of the emulator', new URL('Dockerfile', packageFolder)],
    ["of the example's API", new URL('api/Dockerfile', example)],
  ])('%s has no fault that the linter knows', async (_, url) => {
    expect(validate(await read(url)).map(({ message }) => message)).toEqual([])
    // The linter finds faults.
    expect(validate(`${await read(url)}\nCOPYY x y\n`)).toHaveLength(1)
  })

  test('runs as another user than root, and names a version of its base', async () => {
    const text = await read(new URL('Dockerfile', packageFolder))
    expect(text.lastIndexOf('USER node')).toBeGreaterThan(text.lastIndexOf('FROM '))
    for (const [, image] of text.matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/^node:\d+-alpine$/)
  })

  test('starts with its variables, is healthy, and stops gracefully at SIGTERM', async () => {
    const text = await read(new URL('Dockerfile', packageFolder))
    const port = await freePort()
    const env = { ...environmentOf(text), COUNTERSIGN_EMULATOR_PORT: port }
    expect(Object.keys(environmentOf(text))).toContain('COUNTERSIGN_EMULATOR_LISTEN')
    const health = commandOf(text, /HEALTHCHECK .*\\\n +CMD (\[.*\])/)
    const before = spawn(process.execPath, health, { env })
    expect(await exitOf(before)).toBe(1)
    const { child, output } = await begin(commandOf(text, /^CMD (\[.*\])$/m), env, /Ctrl-C/)
    const after = spawn(process.execPath, health, { env })
    expect(await exitOf(after)).toBe(0)
    const ended = exitOf(child)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(output()).toContain('stopped')
  })

  test('stops at once at SIGTERM while requests wait', async () => {
    const { child, output } = await begin(
      [new URL('dist/cli.js', packageFolder).pathname],
      { COUNTERSIGN_EMULATOR_PORT: '0' },
      /Ctrl-C/,
    )
    const [, address = '', token = ''] = /control +(\S+) +token (\S+)/.exec(output()) ?? []
    const waiting = fetch(`${address}/requests/wait?status=418&timeoutSeconds=60`, {
      headers: { authorization: `Bearer ${token}` },
    }).catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const [started, ended] = [performance.now(), exitOf(child)]
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(performance.now() - started).toBeLessThan(3000)
    await waiting
  })
})

test('the health check works over https, also with a certificate for another name', async () => {
  const { certificate, privateKey } = createTlsCertificate([])
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await Promise.all([writeFile(cert, certificate), writeFile(key, privateKey)])
  const program = new URL('dist/cli.js', packageFolder).pathname
  const env = {
    COUNTERSIGN_EMULATOR_PORT: await freePort(),
    COUNTERSIGN_EMULATOR_CERT: cert,
    COUNTERSIGN_EMULATOR_KEY: key,
  }
  await begin([program], env, /Ctrl-C/)
  expect(await exitOf(spawn(process.execPath, [program, '--check-health'], { env }))).toBe(0)
})

describe('the compose example', () => {
  test(
    'with its variables: the API accepts a token that a client on the host got, and refuses a flawed one',
    { timeout: 60_000 },
    async () => {
      const compose = await read(new URL('compose.yaml', example))
      const emulatorPort = await freePort()
      // The ports and paths of this machine in place of those of the containers.
      const placed = (env: Record<string, string>): Record<string, string> =>
        Object.fromEntries(
          Object.entries(env).map(([name, value]) => [
            name,
            value
              .replace(':8400', `:${emulatorPort}`)
              .replace('/registration.json', new URL('registration.json', example).pathname)
              .replace(/^\/(state|trust)\//, `${folder}/`),
          ]),
        )
      const token = 'test-value-0123456789'
      const dockerfile = await read(new URL('Dockerfile', packageFolder))
      const emulatorEnv = {
        ...environmentOf(dockerfile),
        ...placed(environmentIn(compose, 'emulator')),
        COUNTERSIGN_EMULATOR_PORT: emulatorPort,
        COUNTERSIGN_EMULATOR_TOKEN: token,
      }
      expect(emulatorEnv).toMatchObject({ COUNTERSIGN_EMULATOR_HTTPS: 'true' })
      await begin(commandOf(dockerfile, /^CMD (\[.*\])$/m), emulatorEnv, /Ctrl-C/)
      expect(
        await exitOf(
          spawn(process.execPath, commandOf(dockerfile, /HEALTHCHECK .*\\\n +CMD (\[.*\])/), {
            env: emulatorEnv,
          }),
        ),
      ).toBe(0)
      expect((await stat(join(folder, 'state.json'))).mode & 0o777).toBe(0o600)

      await writeFile(join(apiFolder, 'server.mjs'), await read(new URL('api/server.mjs', example)))
      // The name of a service is resolved by the container engine.
      await writeFile(
        join(apiFolder, 'names.mjs'),
        `import dns from 'node:dns'
       const { lookup } = dns
       dns.lookup = (name, ...rest) => lookup(name === 'emulator' ? '127.0.0.1' : name, ...rest)`,
      )
      const api = await begin(
        ['--import', join(apiFolder, 'names.mjs'), join(apiFolder, 'server.mjs')],
        { ...placed(environmentIn(compose, 'api')), PORT: '0' },
        /listens on \d+/,
      )
      const [, apiPort = ''] = /listens on (\d+)/.exec(api.output()) ?? []

      const host = `https://localhost:${emulatorPort}`
      const ca = await readFile(join(folder, 'emulator.pem'), 'utf8')
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: '33333333-0000-4000-8000-000000000006',
        client_secret: 'not-a-secret-daemon',
        scope: 'api://orders/.default',
      }).toString()
      const good = await post(
        `${host}/contoso.example/oauth2/v2.0/token`,
        ca,
        form,
        'application/x-www-form-urlencoded',
      )
      const flawed = await post(
        `${host}/_/api/v1/tokens`,
        ca,
        JSON.stringify({ client: 'daemon', resource: 'orders-api', flaw: 'wrongAudience' }),
        'application/json',
        { authorization: `Bearer ${token}` },
      )
      const call = async (bearer: unknown): Promise<number> =>
        (
          await fetch(`http://localhost:${apiPort}/`, {
            headers: { authorization: `Bearer ${String(bearer)}` },
          })
        ).status
      expect([await call(good['access_token']), await call(flawed['token'])]).toEqual([200, 401])
    },
  )
})

/** Over https with one more trusted certificate. */
async function post(
  url: string,
  ca: string,
  body: string,
  type: string,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    request(url, { method: 'POST', ca, headers: { 'content-type': type, ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>))
    })
      .on('error', reject)
      .end(body)
  })
}
