import { readFileSync } from 'node:fs'
import { refusals } from '@countersign/core'
import { describe, expect, it } from 'vitest'

const text = readFileSync(new URL('../../../docs/refusals.md', import.meta.url), 'utf8')
const sections = new Map(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [code = '', , answer = '', , ...rest] = section.split('\n')
      return [code, { answer, rest: rest.join('\n') }]
    }),
)

describe('docs/refusals.md', () => {
  it('has a section for every code of the table, in its order, and no other', () => {
    expect([...sections.keys()]).toEqual(Object.keys(refusals))
  })

  it.each(Object.entries(refusals))('says of %s what the table says', (code, { status, error, phrase }) => {
    const words = [String(status), ...(error === undefined ? [] : [`\`${error}\``]), phrase]
    expect(sections.get(code)?.answer).toBe(words.join(' · '))
  })

  it.each([...sections])('says of %s what happened, where to look and how to fix it', (_, { rest }) => {
    for (const word of ['What happened', 'Look at', 'Fix']) expect(rest).toContain(`- **${word}**: `)
  })

  it.each(Object.values(refusals))(
    'has only characters in "$phrase" that RFC 6750 allows in a challenge',
    ({ phrase }) => {
      expect(phrase).toMatch(/^[\x20\x21\x23-\x5B\x5D-\x7E]+$/)
    },
  )
})
