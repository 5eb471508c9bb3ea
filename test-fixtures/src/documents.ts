import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { clock } from './clock.js'
import { tokenWith, type TokenChange } from './tokens.js'

const root = new URL('../../', import.meta.url)

/** A document of this repository, by its path from the root. */
export function readDocument(path: string): Promise<string> {
  return readFile(new URL(path, root), 'utf8')
}

/** The first block of JavaScript under a heading. */
export function codeUnder(heading: string, document: string): string {
  const [, section] = document.split(`\n${heading}\n`)
  const [, code] = /\n```js\n(.*?)```/s.exec(section ?? '') ?? []
  if (code === undefined) throw new Error(`The document has no code under ${heading}`)
  return code
}

/**
 * Runs code of a document as a module in this folder, and gives what it exports. `changes` puts real values where the
 * document has placeholders; each must be found.
 */
export async function runCode(
  code: string,
  folder: URL,
  changes: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  let text = code
  for (const [placeholder, value] of Object.entries(changes)) {
    if (!text.includes(placeholder)) throw new Error(`The code has no ${placeholder}`)
    text = text.replaceAll(placeholder, () => value)
  }
  const file = new URL(`.example-${randomUUID()}.mjs`, folder)
  await writeFile(file, text)
  try {
    return (await import(/* @vite-ignore */ file.href)) as Record<string, unknown>
  } finally {
    await rm(file)
  }
}

/** A valid token with one change, for code that uses the machine's clock. */
export function tokenForToday(change: TokenChange = {}): string {
  const now = Math.floor(Date.now() / 1000)
  const { exp = now + 600, ...claims } = change.claims ?? {}
  const times = { iat: now - 60, exp }
  if (clock() > now) throw new Error('The clock of this machine is before the time of the fixtures')
  return tokenWith({ ...change, claims: { ...times, ...claims } })
}
