import { systemCode } from '../base/system-error.js'
import type { EmulatorState } from './state.js'
import { writeState } from './state-file.js'

/** Keeps a state file up to date. */
export interface Saver {
  /** Writes the file soon: several changes in one turn of the event loop are one write. Resolves when it is written. */
  readonly changed: () => Promise<void>
  /** Writes the file a last time, after all earlier writes. */
  readonly end: () => Promise<void>
}

/** Without a path nothing is written. A write that fails is a warning of the process. */
export function createSaver(path: string | undefined, current: () => Promise<EmulatorState>): Saver {
  if (path === undefined) return { changed: async () => {}, end: async () => {} }
  let saving = Promise.resolve()
  let due: Promise<void> | undefined
  const save = (): Promise<void> => {
    saving = saving
      .then(async () => writeState(path, await current()))
      .catch((error: unknown) => {
        process.emitWarning(
          `the state file could not be written (${systemCode(error)})`,
          'CountersignEmulatorWarning',
        )
      })
    return saving
  }
  return {
    changed() {
      due ??= new Promise((resolve) => {
        setImmediate(() => {
          due = undefined
          resolve(save())
        })
      })
      return due
    },
    end: save,
  }
}
