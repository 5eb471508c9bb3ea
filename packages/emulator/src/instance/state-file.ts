import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { systemCode } from '../base/system-error.js'
import { type EmulatorState, readState } from './state.js'

/**
 * Takes a state file for this process and reads it. Rejects with a TypeError for one that is not ours or not private, and
 * for one that another emulator uses.
 */
export async function openStateFile(
  path: string,
): Promise<{ readonly state: EmulatorState | undefined; readonly release: () => void }> {
  const { lockStateFile } = await import('./state-lock.js')
  const lock = await lockStateFile(path)
  const release = (): void => lock.release()
  try {
    removeDrafts(path)
    return { state: readStateFile(path), release }
  } catch (error) {
    release()
    throw error
  }
}

/** A process that is killed while it writes leaves its draft, which holds private keys. */
function removeDrafts(path: string): void {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    if (isDraft(name, basename(path))) rmSync(join(folder, name), { force: true })
  }
}

function isDraft(name: string, of: string): boolean {
  return name.startsWith(`${of}.`) && /^[0-9a-f]{12}$/.test(name.slice(of.length + 1))
}

/** Reads a state file; undefined if there is none yet. Throws a TypeError for one that is not ours or not private. */
function readStateFile(path: string): EmulatorState | undefined {
  let text: string
  try {
    const file = openSync(path, constants.O_RDONLY)
    try {
      // It holds private keys.
      if ((fstatSync(file).mode & 0o077) !== 0 && process.platform !== 'win32') {
        throw new TypeError(`state: ${path} can be read by others; make it private (chmod 600)`)
      }
      text = readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error instanceof TypeError ? error : new TypeError(`state: cannot read the file ${path}`)
  }
  return readStateText(text, `the file ${path}`)
}

/** Reads a state from JSON text. `source` names where the text comes from, for the message. */
export function readStateText(text: string, source: string): EmulatorState {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, which holds private keys.
    throw new TypeError(`state: ${source} is not JSON`)
  }
  return readState(parsed)
}

/** Writes a state file that its owner alone can read. A reader sees the old file or the new one, never a part. */
export function writeState(path: string, state: EmulatorState): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, path)
}
