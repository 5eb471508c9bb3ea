import { readFileSync } from 'node:fs'
import { refusals } from '@countersign/core'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { refusalExplanations } from '../src/refusals.js'

const rows = Object.entries(refusalExplanations)
const sections = new Map(
  readFileSync(new URL('../../../docs/refusals.md', import.meta.url), 'utf8')
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
)

/** The text of a section after a word in bold; undefined where the section has no such line. */
function lineOf(code: string, word: string): string | undefined {
  const line = sections
    .get(code)
    ?.split('\n')
    .find((candidate) => candidate.startsWith(`- **${word}**: `))
  return line?.slice(`- **${word}**: `.length)
}

describe('the explanations of refusals', () => {
  it('have a row for every code of core, in its order, and no other', () => {
    expect(Object.keys(refusalExplanations)).toEqual(Object.keys(refusals))
  })

  it.each(rows)(
    'say of %s who can fix it, in code and in the portal, as docs/refusals.md does',
    (code, row) => {
      expect({
        who: lineOf(code, 'Who'),
        code: lineOf(code, 'Code')?.replace(/^`+ ?(.*?) ?`+$/, '$1'),
        portal: lineOf(code, 'Portal'),
      }).toEqual({ who: `the ${row.whoCanFix}`, code: row.code, portal: row.portal })
    },
  )

  it.each(rows)('say of %s what happened and what to do in whole sentences', (_, row) => {
    for (const text of [row.cause, row.fix]) expect(text).toMatch(/^[A-Z"a-z].*\.$/)
  })

  it.each(rows.filter(([, { code }]) => code !== undefined))(
    'give a line of code for %s that can be parsed',
    (_, row) => {
      const { code = '' } = row
      // A member of an options object, or an expression.
      const text = /^\w+: /.test(code) ? `({ ${code} })` : code
      expect(parseSync('line.ts', text).errors).toEqual([])
    },
  )
})
