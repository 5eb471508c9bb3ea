import type { Emulator } from './emulator.js'
import { type EmulatorOptions, readOptions } from './options.js'
import { generateRsaKeys } from './keys/rsa-key.js'
import type { EmulatorState } from './instance/state.js'

/**
 * Starts a token service in the shape of Microsoft Entra ID on this machine, for development and tests only. It
 * listens on loopback addresses alone, keeps everything in memory and makes its keys per run, unless told otherwise.
 *
 * Throws a TypeError for an option that is unknown or wrong, a RegistrationError (a TypeError too) naming the place in
 * a registration that cannot be used, one naming the place in a state, and the system's error if the port is taken.
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const settings = readOptions(options)
  const state = settings.state === undefined ? undefined : await stateOf(settings.state)
  // Making a key takes longest, in the thread pool: it runs beside the loading of everything else.
  const first = state?.keys ?? generateRsaKeys()
  if ('then' in first) first.catch(() => {})
  const { startWith } = await import('./wiring.js')
  return startWith(settings, state, first)
}

/** Of a file there may be none yet. Loaded only by whoever has one. */
async function stateOf(given: string | EmulatorState): Promise<EmulatorState | undefined> {
  if (typeof given !== 'string') return (await import('./instance/state.js')).readState(given)
  return (await import('./instance/state-file.js')).readStateFile(given)
}
