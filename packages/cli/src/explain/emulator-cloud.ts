import type { EntraCloud } from '@countersign/core'
import { UndecidedError } from '../exit-codes.js'

/** A running emulator as a cloud, from its public documents. Throws an UndecidedError where none answers. */
export async function readEmulatorCloud(origin: string): Promise<EntraCloud> {
  const [v1, v2] = await Promise.all(
    ['common', 'common/v2.0'].map((path) => readIssuer(`${origin}/${path}/.well-known/openid-configuration`)),
  )
  return { authority: origin, v1Issuer: v1 ?? '', v2Issuer: v2 ?? '' }
}

async function readIssuer(address: string): Promise<string> {
  try {
    const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(5000) })
    const { issuer } = (await response.json()) as { issuer?: unknown }
    if (response.ok && typeof issuer === 'string') return issuer
  } catch {
    // The same answer for every reason: nothing that is an emulator is there.
  }
  throw new UndecidedError(`no emulator answers at ${address}: start one with "countersign emulator"`)
}
