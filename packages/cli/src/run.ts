import { CommanderError } from 'commander'
import { exitCodes, UndecidedError, UsageError } from './exit-codes.js'
import { createProgram } from './program.js'
import type { Terminal } from './terminal.js'
import { visible } from './text.js'

/** Runs one command. Resolves to the exit code: 0 yes, 1 no, 2 undecided, 64 for wrong arguments. */
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
    throw error
  }
}
