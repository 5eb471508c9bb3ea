import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineDiff } from '../src/portal/line-diff.js'

const lines = (text: string): string => text.split(' ').join('\n')

test('the difference of a text and itself is empty', () => {
  expect(lineDiff(lines('a b c'), lines('a b c'))).toBe('')
})

test.each([
  ['a b c', 'a x c', '@@ -1,3 +1,3 @@| a|-b|+x| c'],
  ['a', 'b', '@@ -1,1 +1,1 @@|-a|+b'],
  ['1 2 3 4 5', '1 2 3 4 5 6', '@@ -3,3 +3,4 @@| 3| 4| 5|+6'],
  ['a 1 2 3 4 5 6 7 b', 'A 1 2 3 4 5 6 7 B', '@@ -1,4 +1,4 @@|-a|+A| 1| 2| 3|@@ -6,4 +6,4 @@| 5| 6| 7|-b|+B'],
  ['a 1 2 3 4 5 6 b', 'A 1 2 3 4 5 6 B', '@@ -1,8 +1,8 @@|-a|+A| 1| 2| 3| 4| 5| 6|-b|+B'],
])('the difference of %s and %s has its lines with three around', (before, after, expected) => {
  expect(lineDiff(lines(before), lines(after)).split('\n').join('|')).toBe(expected)
})

const hasPatch = spawnSync('patch', ['--version']).status === 0
if (!hasPatch) {
  if (process.env['CI'] === 'true') throw new Error('no patch: CI must have it')
  console.warn('NOT TESTED with patch: there is none on this machine')
}

test.runIf(hasPatch)('whatever differs, patch makes the second text of the first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'diff-'))
  try {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 30 })
    const file = join(folder, 'text')
    await fc.assert(
      fc.asyncProperty(texts, texts, async (first, second) => {
        const [before, after] = [first.join('\n'), second.join('\n')]
        const diff = lineDiff(before, after)
        await writeFile(file, `${before}\n`)
        const { stdout, status } = spawnSync('patch', ['--unified', '--output=-', file], {
          input: diff === '' ? '' : `--- text\n+++ text\n${diff}\n`,
          encoding: 'utf8',
        })
        expect(diff === '' ? [`${before}\n`, 0] : [stdout, status]).toEqual([`${after}\n`, 0])
      }),
      { numRuns: 60 },
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
