import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** The parts of the terminal that the commands use. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Whether stdout shows colours. */
  readonly isColoured: boolean
  /** Columns that text is wrapped at, from 40 to 80. */
  readonly columns: number
  /** Whether a person sees stderr: progress goes there. */
  readonly showsProgress: boolean
  /** A line of the answer. */
  write(line: string): void
  /** A line about the answer: notes and errors. */
  complain(line: string): void
  /** Replaces the line of progress; an empty text removes it. */
  progress(text: string): void
  /** All of the input. A person's typing is not echoed, because it is a secret. */
  readInput(prompt: string): Promise<string>
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, stdin, env } = process
  // A reader that has seen enough (`| head`) ends the output, not the program.
  stdout.on('error', ignoreClosedPipe)
  stderr.on('error', ignoreClosedPipe)
  const showsProgress = stderr.isTTY === true && env['CI'] === undefined
  return {
    environment: env,
    isColoured: stdout.isTTY === true && isAbsent(env['NO_COLOR']) && env['TERM'] !== 'dumb',
    // Some terminals do not know their width and say 0.
    columns: Math.max(Math.min(stdout.columns || 80, 80), 40),
    showsProgress,
    write: (line) => void stdout.write(`${line}\n`),
    complain: (line) => void stderr.write(`${line}\n`),
    progress(text) {
      if (showsProgress) stderr.write(`\r\u001B[K${text}`)
    },
    readInput: (prompt) => (stdin.isTTY === true ? readHidden(prompt) : readAll(stdin)),
  }
}

/** An empty NO_COLOR counts as absent (no-color.org). */
function isAbsent(value: string | undefined): boolean {
  return value === undefined || value === ''
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** A token is far smaller; anything beyond this is not one. */
const maxInputBytes = 4 * 1024 * 1024

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk))
    size += chunk.length
    if (size > maxInputBytes) break
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Reads a line key by key: the terminal's own line buffer ends at 4,096 bytes, and it would show the token. */
function readHidden(prompt: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  process.stderr.write(prompt)
  return new Promise((resolve) => {
    let line = ''
    reader.once('line', (text) => {
      line = text
      reader.close()
    })
    reader.once('close', () => {
      process.stderr.write('\n')
      resolve(line)
    })
  })
}
