/** Why a text is not accepted as a JSON object. */
export type JsonFault = 'json' | 'object' | 'duplicate_name' | 'backslash_in_name' | 'nesting' | 'prototype'

/** A JSON object, frozen at every depth, or the reason why there is none. */
export type JsonResult =
  | {
      readonly object: Readonly<Record<string, unknown>>
      /** An estimate of the memory that its objects, lists and members use beside their text. */
      readonly bytes: number
      readonly fault?: undefined
    }
  | { readonly object?: undefined; readonly fault: JsonFault }

const maxDepth = 16

/**
 * Reads a JSON object more strictly than `JSON.parse`: no name twice in an object (after unescaping, at every depth),
 * no `__proto__`, no backslash in a name, no deep nesting. RFC 7519 section 4 lets a parser keep the last of two names; two
 * readers that keep different ones are an attack, so a repeated name is refused.
 */
export function readJsonObject(text: string): JsonResult {
  const hasEscapes = text.includes('\\')
  const plain = hasEscapes ? withoutNeedlessEscapes(text) : text
  let value: unknown
  try {
    value = JSON.parse(plain)
  } catch {
    return { fault: 'json' }
  }
  if (!isJsonObject(value)) return { fault: 'object' }
  counts.containers = counts.members = counts.elements = 0
  const fault = freezeAndCount(value, 1)
  if (fault !== undefined) return { fault }
  const { containers, members, elements } = counts
  if (hasEscapes && hasBackslashInName(value)) return { fault: 'backslash_in_name' }
  // Names that JSON.parse folded into one are counted once there and twice in the text.
  if (members !== countNamesByColon(plain) && members !== countNames(plain))
    return { fault: 'duplicate_name' }
  return { object: value, bytes: 64 * containers + 80 * members + 56 * elements }
}

/** What the object that was read last is made of. One for all: an object for each result would cost more than the count. */
const counts = { containers: 0, members: 0, elements: 0 }

/** Some issuers write `\/` for every slash, in names too. */
function withoutNeedlessEscapes(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (pair, escaped) => (escaped === '/' ? '/' : pair))
}

/**
 * A fault of V8 in Node 24 and later: it can confuse an escaped name with another name of the same length that begins in
 * the same way. After `{"a":1,"\\":2}` it reads `{"a":1,"\u0025":2}` as the same names, and any caller may have sent the
 * first. The confused name has a backslash in it, and no claim has.
 */
function hasBackslashInName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value) && Object.keys(value).some((name) => name.includes('\\'))) return true
  return Object.values(value).some(hasBackslashInName)
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function freezeAndCount(value: object, depth: number): JsonFault | undefined {
  if (depth > maxDepth) return 'nesting'
  const isArray = Array.isArray(value)
  const members: readonly unknown[] = isArray ? (value as unknown[]) : Object.values(value)
  counts.containers++
  if (isArray) counts.elements += members.length
  else {
    if (Object.hasOwn(value, '__proto__')) return 'prototype'
    counts.members += members.length
  }
  for (let index = 0; index < members.length; index++) {
    const member = members[index]
    if (typeof member === 'object' && member !== null) {
      const fault = freezeAndCount(member, depth + 1)
      if (fault !== undefined) return fault
    }
  }
  Object.freeze(value)
  return undefined
}

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const space = 0x20

/**
 * A quick count of the names in a text that is known to be JSON, never too low. A colon that ends a name follows a quote or
 * white space: the first kind is counted (sometimes inside a string, which makes the count too high), and the second makes
 * the result NaN.
 */
function countNamesByColon(text: string): number {
  let names = 0
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1)
    if (before === quote) names++
    else if (before <= space) return Number.NaN
  }
  return names
}

/** The number of names in a text that is known to be JSON: colons outside of strings. */
function countNames(text: string): number {
  let names = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index)
    if (character === quote) inString = !inString
    else if (inString) {
      if (character === backslash) index++
    } else if (character === colon) names++
  }
  return names
}
