import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** The rows of the two RFCs that concern a client. Each names a test of this package. */
const document = readFileSync(new URL('../../../docs/rfc-coverage.md', import.meta.url), 'utf8')
const rows = ['RFC 7523', 'RFC 8693'].flatMap((rfc) => {
  const section = document.split(`\n## ${rfc} `)[1]?.split('\n## ')[0] ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (-|Section)/.test(line))
    .map(
      (line) =>
        [
          rfc,
          ...line
            .slice(2, -2)
            .split(' | ')
            .map((cell) => cell.trim()),
        ] as string[],
    )
})

it('has rows for both RFCs', () => {
  expect(rows.filter(([rfc]) => rfc === 'RFC 7523').length).toBeGreaterThan(8)
  expect(rows.filter(([rfc]) => rfc === 'RFC 8693').length).toBeGreaterThan(8)
})

it.each(rows)(
  '%s section %s: %s is shown by a test of %s: %s',
  (_rfc, _section, _requirement, file, title) => {
    const source = readFileSync(new URL(`../../../${file!.replaceAll('`', '')}`, import.meta.url), 'utf8')
    expect(file).toMatch(/^`packages\/token-client\/test\/[\w-]+\.test\.ts`$/)
    expect(source).toContain(`'${title}'`)
  },
)
