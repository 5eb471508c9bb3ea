import type { Emulator } from './emulator.js'
import type { EmulatorState } from './instance/state.js'
import { generateRsaKeys } from './keys/rsa-key.js'
import { type EmulatorOptions, readOptions } from './options.js'

/**
 * Starts a token service in the shape of Microsoft Entra ID on this machine, for development and tests only. By default
 * it listens on loopback addresses alone, keeps everything in memory and makes its keys per run. It signs anyone in
 * without a password.
 *
 * Rejects with a TypeError for an option that is unknown or wrong, with a RegistrationError (a TypeError too) naming
 * the place in a registration that cannot be used, with a TypeError naming the place in a state, and with the system's
 * error if the port is taken.
 *
 * @example
 * ```ts
 * import { startEmulator } from '@countersign/emulator'
 *
 * await using emulator = await startEmulator()
 * const response = await fetch(`${emulator.origin}/contoso.example/v2.0/.well-known/openid-configuration`)
 * console.log(response.status) // 200
 * ```
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const settings = readOptions(options)
  const { state, release } = await stateOf(settings.state)
  try {
    // Making a key takes longest, in the thread pool: everything else is loaded meanwhile.
    const first = state?.keys ?? generateRsaKeys()
    if ('then' in first) first.catch(() => {})
    const { startWith } = await import('./wiring.js')
    return await startWith(settings, state, first, release)
  } catch (error) {
    release()
    throw error
  }
}

interface OpenedState {
  /** Undefined for a state file that does not exist yet. */
  readonly state: EmulatorState | undefined
  /** Lets another process use the state file. */
  readonly release: () => void
}

/** The code is loaded only if there is a state. */
async function stateOf(given: string | EmulatorState | undefined): Promise<OpenedState> {
  if (given === undefined) return { state: undefined, release() {} }
  if (typeof given !== 'string') {
    const { readState } = await import('./instance/state.js')
    return { state: readState(given), release() {} }
  }
  const { openStateFile } = await import('./instance/state-file.js')
  return openStateFile(given)
}
