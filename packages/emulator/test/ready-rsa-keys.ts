import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RsaKeys } from '../src/keys/rsa-key.js'

/*
 * In place of the emulator's key generation while the sources are tested (see `vitest.config.ts`): every start of an emulator
 * makes a key, and the tests start some hundred. These are real keys, made before the tests began and given out in turn.
 * `rsa-key.test` and the tests of the built packages use the generation itself.
 */
let ready: readonly string[] | undefined
let given = 0

export async function generateRsaKeys(): Promise<RsaKeys> {
  ready ??= JSON.parse(readFileSync(process.env['COUNTERSIGN_RSA_KEYS'] ?? '', 'utf8')) as string[]
  const privateKey = createPrivateKey(ready[given++ % ready.length] as string)
  return { privateKey, publicKey: createPublicKey(privateKey) }
}
