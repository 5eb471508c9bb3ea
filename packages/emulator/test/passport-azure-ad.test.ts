import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Emulator, runningClock } from '@countersign/emulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ids, startTestEmulator } from './support.js'

/* Microsoft's former library for APIs, unmodified: it reads metadata over https only, so it runs in a process that trusts the
   emulator's certificate authority from its start. */

const program = `
const [, library, metadata, clientID, audience, token] = process.argv
const { BearerStrategy } = (await import(library)).default
const strategy = new BearerStrategy(
  { identityMetadata: metadata, clientID, audience: [clientID, audience], validateIssuer: true, loggingLevel: 'error', loggingNoPII: true },
  (claims, done) => done(null, claims, claims),
)
strategy.success = (claims) => end({ accepted: claims.oid })
strategy.fail = (challenge) => end({ refused: String(challenge) })
strategy.error = (error) => end({ failed: String(error) })
function end(outcome) {
  process.stdout.write(JSON.stringify(outcome) + '\\n')
  process.exit(0)
}
strategy.authenticate({ headers: { authorization: 'Bearer ' + token }, query: {}, body: {} }, {})
`

let emulator: Emulator
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  emulator = await startTestEmulator({ clock: runningClock(), https: true })
  await writeFile(join(folder, 'ca.pem'), emulator.certificate ?? '')
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

async function outcomeOf(metadata: string, api: 'v1' | 'v2', token: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      program,
      import.meta.resolve('passport-azure-ad'),
      metadata,
      ids[api],
      `api://${api}`,
      token,
    ],
    { env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') } },
  )
  const lines = stdout.trim().split('\n')
  return JSON.parse(lines.at(-1) ?? '')
}

test.each([
  ['1.0', 'v1', '/.well-known/openid-configuration'],
  ['2.0', 'v2', '/v2.0/.well-known/openid-configuration'],
] as const)(
  'passport-azure-ad accepts a token of v%s, and not one with a flaw',
  async (_, resource, path) => {
    const metadata = `${emulator.origin}/${ids.contoso}${path}`
    const wanted = { client: 'tier1', resource, user: ids.alice } as const
    expect(await outcomeOf(metadata, resource, await emulator.issueToken(wanted))).toEqual({
      accepted: ids.alice,
    })
    for (const flaw of ['expired', 'wrongIssuer', 'badSignature', 'wrongAudience'] as const) {
      const token = await emulator.issueToken({ ...wanted, flaw })
      expect(await outcomeOf(metadata, resource, token)).toEqual({ refused: expect.any(String) as string })
    }
  },
)
