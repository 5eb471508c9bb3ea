/** Refuses names that are not options: a misspelt security setting must not pass for one that was made. */
export function checkNames(what: string, options: object, names: readonly string[], prefix = ''): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      const expected = names.map((one) => prefix + one).join(', ')
      throw new TypeError(`${what}: unknown option "${prefix}${name}"; expected ${expected}`)
    }
  }
}

export function checkObject(what: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${what}: expected an object of options`)
  }
}

/** The one text for a bad value. `expected` continues the sentence: `must be …`. The value itself is never in it. */
export function badOption(what: string, name: string, expected: string): TypeError {
  return new TypeError(`${what}: "${name}" ${expected}`)
}

/** An object of further options, such as `cache`. */
export function readGroup<T extends object>(
  what: string,
  name: string,
  value: T | undefined,
  names: readonly string[],
): Partial<T> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badOption(what, name, 'must be an object')
  }
  checkNames(what, value, names, `${name}.`)
  return value
}

export function readNumber(
  what: string,
  name: string,
  value: unknown,
  range: { readonly from: number; readonly to: number; readonly standard: number },
): number {
  if (value === undefined) return range.standard
  if (typeof value === 'number' && value >= range.from && value <= range.to) return value
  throw badOption(what, name, `must be a number from ${range.from} to ${range.to}`)
}

/** One string or a list of them; a list may not be empty. */
export function readStringList(what: string, name: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw badOption(what, name, 'must not be an empty list')
  if (list.every((member): member is string => typeof member === 'string' && member.trim() !== '')) {
    return Object.freeze([...new Set(list)])
  }
  throw badOption(what, name, 'must be a non-empty string or a list of them')
}

export function readFunction<F>(what: string, name: string, value: unknown): F {
  if (typeof value === 'function') return value as F
  throw badOption(what, name, 'must be a function')
}
