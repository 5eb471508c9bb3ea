import { generateKeyPair } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { shareKeys } from './keys.js'

/** Runs once before all tests: the keys that they share. Returns what removes them. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  await shareKeys(join(folder, 'keys.json'))
  await shareRsaKeys(join(folder, 'rsa-keys.json'))
  return () => rm(folder, { recursive: true, force: true })
}

/** Keys for emulators: see `packages/emulator/test/ready-rsa-keys.ts`. */
async function shareRsaKeys(path: string): Promise<void> {
  const generate = promisify(generateKeyPair)
  const pairs = await Promise.all(Array.from({ length: 16 }, () => generate('rsa', { modulusLength: 2048 })))
  const pems = pairs.map(({ privateKey }) => privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await writeFile(path, JSON.stringify(pems), { mode: 0o600 })
  process.env['COUNTERSIGN_RSA_KEYS'] = path
}
