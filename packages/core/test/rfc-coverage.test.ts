import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** Requirement or threat, file and title of every row. */
const rows = ['docs/rfc-coverage.md', 'docs/threat-model.md']
  .flatMap((path) => read(path).split('\n'))
  .filter((line) => line.startsWith('| ') && !/^\| (-|Section|Threat)/.test(line))
  .map((line) => {
    const [section, requirement, file = '', title = ''] = line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim())
    return [`${section}: ${requirement}`, file.replaceAll('`', ''), title] as const
  })

it('has a row for every requirement', () => {
  expect(rows.length).toBeGreaterThan(40)
})

it.each(rows)('%s is shown by a test of %s: %s', (_, file, title) => {
  expect(title).not.toBe('')
  // The whole title: between its quotes, as the first word of a test or of a row.
  expect(read(file)).toMatch(new RegExp(`['"\`]${escaped(title)}['"\` ]`))
})

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
