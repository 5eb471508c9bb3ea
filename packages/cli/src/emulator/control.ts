import { UndecidedError, UsageError } from '../exit-codes.js'
import type { Terminal } from '../terminal.js'

/** Which emulator is meant: one that runs, or one that the command starts for itself. */
export interface EmulatorFlags {
  readonly emulator?: string | undefined
  readonly config?: string | undefined
  readonly port?: string | undefined
}

/** The control API of a running emulator. */
export interface Control {
  readonly origin: string
  get(path: string): Promise<unknown>
  post(path: string, body: object): Promise<unknown>
}

export const defaultOrigin = 'http://localhost:8400'
const tokenVariable = 'COUNTERSIGN_EMULATOR_TOKEN'

/**
 * Uses the emulator that the flags mean, and stops it if it was started here. Throws a UsageError for a registration that
 * cannot be used or a missing token, and an UndecidedError where no emulator answers.
 */
export async function withEmulator<T>(
  flags: EmulatorFlags,
  terminal: Terminal,
  defaultPort: number,
  use: (control: Control) => Promise<T>,
): Promise<T> {
  if (flags.config === undefined) {
    if (flags.port !== undefined) throw new UsageError('--port needs --config: the emulator is started here')
    return use(controlOf(flags.emulator ?? defaultOrigin, terminal.environment[tokenVariable]))
  }
  if (flags.emulator !== undefined) throw new UsageError('--config and --emulator exclude each other')
  const emulator = await start(flags.config, readPort(flags.port, defaultPort))
  try {
    return await use(controlOf(emulator.origin, emulator.controlApi.token))
  } finally {
    await emulator.stop()
  }
}

async function start(registration: string, port: number) {
  const { RegistrationError, startEmulator } = await import('@countersign/emulator')
  try {
    return await startEmulator({ registration, port, page: false })
  } catch (error) {
    if (error instanceof RegistrationError) throw new UsageError(`--config: ${error.message}`)
    if ((error as { code?: unknown }).code === 'EADDRINUSE') {
      throw new UsageError(`port ${port} is in use: choose another with --port`)
    }
    throw error
  }
}

function readPort(text: string | undefined, defaultPort: number): number {
  if (text === undefined) return defaultPort
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new UsageError('--port must be a number from 0 to 65535')
}

function controlOf(origin: string, token: string | undefined): Control {
  if (token === undefined || token === '') {
    throw new UsageError(
      `set ${tokenVariable} to the token that the emulator prints at its start, or start one here with --config`,
    )
  }
  if (!URL.canParse(origin)) throw new UsageError(`--emulator must be an address, such as ${defaultOrigin}`)
  const send = async (path: string, init: RequestInit): Promise<unknown> => {
    let response: Response
    try {
      response = await fetch(`${origin}/_/api/v1${path}`, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(10_000),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      })
    } catch {
      throw new UndecidedError(`no emulator answers at ${origin}: start one with "countersign emulator"`)
    }
    return readAnswer(response)
  }
  return {
    origin,
    get: (path) => send(path, {}),
    post: (path, body) => send(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}

/** The control API says what is wrong in its own words: they name the option and never a secret. */
async function readAnswer(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return body
  const problem = (body as { error?: { message?: unknown } } | undefined)?.error?.message
  if (response.status === 401) throw new UsageError(`${tokenVariable} is not the token of this emulator`)
  if (typeof problem === 'string' && response.status < 500) throw new UsageError(problem)
  throw new UndecidedError(`the emulator answered with ${response.status}`)
}
