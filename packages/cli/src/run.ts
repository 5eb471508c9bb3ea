import { CommanderError } from 'commander'
import { exitCodes, UndecidedError, UsageError } from './exit-codes.js'
import { createProgram } from './program.js'
import type { Terminal } from './terminal.js'
import { visible } from './text.js'

/** Runs one command. Resolves to the exit code: 0 yes, 1 no, 2 undecided, 64 for wrong arguments, 70 for a fault in it. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = exitCodes.yes
  const program = createProgram(terminal, (result) => {
    code = result
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.yes : exitCodes.usage
    if (error instanceof UsageError) {
      terminal.complain(`error: ${visible(error.message)}`)
      return exitCodes.usage
    }
    if (error instanceof UndecidedError) {
      terminal.complain(`undecided: ${visible(error.message)}`)
      return exitCodes.undecided
    }
    terminal.complain(`a fault in countersign, please report it: ${placeOf(error)}`)
    return exitCodes.fault
  }
}

/** Where an error came from. Not its message, which may quote what was read. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  return [error.name, ...frames].join('\n')
}
