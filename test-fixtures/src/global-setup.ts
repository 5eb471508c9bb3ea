import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shareKeys } from './keys.js'

/** Runs once before all tests: the keys that they share. Returns what removes them. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  await shareKeys(join(folder, 'keys.json'))
  return () => rm(folder, { recursive: true, force: true })
}
