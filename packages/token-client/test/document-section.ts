import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'vitest'

/**
 * Compares a section of a document, between `<!-- name -->` and `<!-- /name -->`, with what it must be. With
 * COUNTERSIGN_WRITE_DOCS=1 it writes it instead.
 */
export async function expectSection(path: string, name: string, expected: string): Promise<void> {
  const file = new URL(`../../../${path}`, import.meta.url)
  const document = await readFile(file, 'utf8')
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const from = document.indexOf(begin) + begin.length
  const to = document.indexOf(end)
  expect(from, `${path} has no section ${name}`).toBeGreaterThan(begin.length - 1)
  expect(to).toBeGreaterThanOrEqual(from)
  const text = `\n${expected.trim()}\n\n`
  if (process.env['COUNTERSIGN_WRITE_DOCS'] === '1') {
    await writeFile(file, document.slice(0, from) + text + document.slice(to))
    return
  }
  expect(document.slice(from, to)).toBe(text)
}
