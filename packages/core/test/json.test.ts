import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonObject, type JsonResult } from '../src/json.js'

/** The object or the fault, without the estimate of memory. */
function resultOf(text: string): Pick<JsonResult, 'object' | 'fault'> {
  const { object, fault } = readJsonObject(text)
  return object === undefined ? { fault } : { object }
}

/** White space everywhere that JSON allows it, and escapes everywhere that a string can have them. */
function spelled(value: unknown, next: () => number): string {
  const gap = (): string => [' ', '\n', '\t', '\r', '', '', '', ''][next() % 8] ?? ''
  const text = (word: string): string =>
    next() % 4 === 0
      ? `"${word
          .split('')
          .map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join('')}"`
      : JSON.stringify(word)
  if (Array.isArray(value))
    return `[${value.map((member) => gap() + spelled(member, next) + gap()).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, member]) => `${gap()}${text(name)}${gap()}:${gap()}${spelled(member, next)}${gap()}`,
    )
    return `{${members.join(',')}}`
  }
  return typeof value === 'string' ? text(value) : JSON.stringify(value)
}

const ascii = fc.string({ maxLength: 6 })
const leaf = fc.oneof(
  ascii,
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(':', '":"', '\\', '\\"', '":'),
)
const name = fc
  .oneof(ascii, fc.constantFrom(':', '"', 'a":', '/', 'https://a'))
  .filter((text) => text !== '__proto__' && !text.includes('\\'))
const value = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(name, tie('value'), { maxKeys: 5 }),
}))

function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 8
}

describe('readJsonObject', () => {
  it('reads every object as JSON.parse does, with any white space and escapes', () => {
    fc.assert(
      fc.property(value.object, fc.nat(), (object, seed) => {
        const text = spelled(object, numbers(seed))
        expect(resultOf(text)).toEqual({ object: JSON.parse(text) as unknown })
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses every object in which a name is repeated, with any escapes and at any depth', () => {
    fc.assert(
      fc.property(
        value.object,
        name,
        value.value,
        value.value,
        fc.nat(),
        (object, twice, first, second, seed) => {
          const next = numbers(seed)
          const spell = (member: unknown): string => spelled({ [twice]: member }, next).slice(1, -1)
          const pair = `{${spell(first)},${spell(second)}}`
          const nested = spelled({ ...(object as object), inner: 0 }, next)
          expect(resultOf(pair)).toEqual({ fault: 'duplicate_name' })
          expect(resultOf(`{"outer":[${nested},${pair}]}`)).toEqual({ fault: 'duplicate_name' })
        },
      ),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['{"a":1,"\\u0061":2}', 'duplicate_name'],
    ['{"a":1,"a" :2}', 'duplicate_name'],
    ['{"a":1 , "a"\n:2}', 'duplicate_name'],
    ['{"a":1,"a"\t:2}', 'duplicate_name'],
    ['{"a":":","a":1}', 'duplicate_name'],
    ['{"a":{"b":1,"b":2}}', 'duplicate_name'],
    ['{"\\\\":1}', 'backslash_in_name'],
    ['{"a":[{"b":{"c\\\\d":1}}]}', 'backslash_in_name'],
    ['{"\\u005c":1}', 'backslash_in_name'],
    ['{"__proto__":{}}', 'prototype'],
    ['{"a":{"__proto__":1}}', 'prototype'],
    ['[]', 'object'],
    ['null', 'object'],
    ['"x"', 'object'],
    ['', 'json'],
    ['{"a":1}x', 'json'],
    ['\uFEFF{"a":1}', 'json'],
    [`{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 'nesting'],
  ])('reads %s as %s', (text, fault) => {
    expect(resultOf(text)).toEqual({ fault })
  })

  it.each(['{"a":":x"}', '{"a":":","b":[":"]}', '{":":1}', '{"a" : " :"}', '{"a":"b :c","a:":"\\":"}'])(
    'finds no repeated name in %s',
    (text) => {
      expect(resultOf(text)).toEqual({ object: JSON.parse(text) as unknown })
    },
  )

  it.each([
    [String.raw`{"a":1,"\\":2}`, String.raw`{"a":1,"\u0025":2}`, { a: 1, '%': 2 }],
    [String.raw`{"iss":1,"t\\":2}`, String.raw`{"iss":1,"t\u0069":2}`, { iss: 1, ti: 2 }],
  ])('does not confuse an escaped name with another after %s was parsed', (before, text, object) => {
    for (let times = 0; times < 3; times++) JSON.parse(before)
    // Where the engine mistakes it, it is refused.
    expect([{ object }, { fault: 'backslash_in_name' }]).toContainEqual(resultOf(text))
  })

  it('refuses a name that is repeated by an escape, after any other text was parsed', () => {
    for (let times = 0; times < 3; times++) JSON.parse(String.raw`{"tid":1,"\\u0":2}`)
    const { fault } = readJsonObject(String.raw`{"tid":1,"\u0074id":2}`)
    expect(['duplicate_name', 'backslash_in_name']).toContain(fault)
  })

  it('reads names whose slashes are escaped, after any other text was parsed', () => {
    for (let times = 0; times < 3; times++) JSON.parse(String.raw`{"iss":1,"https:\\/\\":2}`)
    const text = String.raw`{"iss":1,"https:\/\/x":"\\/ \/"}`
    expect(resultOf(text)).toEqual({ object: { iss: 1, 'https://x': String.raw`\/ /` } })
  })

  it('reads the deepest nesting that is allowed', () => {
    expect(resultOf(`{"a":${'['.repeat(15)}${']'.repeat(15)}}`).fault).toBeUndefined()
  })
})
