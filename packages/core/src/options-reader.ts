import { isTrustworthyUrl } from './addresses.js'

/** Throws for an unknown name: a misspelt security setting must not look as if it had been set. */
export function checkNames(what: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`${what}: unknown option "${name}"; expected ${names.join(', ')}`)
    }
  }
}

export function checkObject(what: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${what}: expected an object of options`)
  }
}

export function readString(what: string, name: string, value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value
  throw new TypeError(`${what}: "${name}" must be a non-empty string`)
}

/** One string or a list of them, as a frozen list without repetitions; a list may not be empty. */
export function readStringList(what: string, name: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw new TypeError(`${what}: "${name}" must not be an empty list`)
  if (list.every((member): member is string => typeof member === 'string' && member.trim() !== '')) {
    return Object.freeze([...new Set(list)])
  }
  throw new TypeError(`${what}: "${name}" must be a non-empty string or a list of them`)
}

export function readSeconds(
  what: string,
  name: string,
  value: unknown,
  range: { readonly from: number; readonly to: number },
): number {
  if (typeof value === 'number' && value >= range.from && value <= range.to) return value
  throw new TypeError(`${what}: "${name}" must be a number of seconds from ${range.from} to ${range.to}`)
}

export function readUrl(
  what: string,
  name: string,
  value: unknown,
  plainHttpHosts: readonly string[] = [],
): string {
  const text = readString(what, name, value)
  if (!URL.canParse(text) || !isTrustworthyUrl(new URL(text), plainHttpHosts)) {
    throw new TypeError(`${what}: "${name}" must be an https address (http only on this machine)`)
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new TypeError(`${what}: "${name}" must not carry credentials or a fragment`)
  }
  return text
}

/** One address or a list of them. */
export function readUrlList(
  what: string,
  name: string,
  value: unknown,
  plainHttpHosts: readonly string[],
): readonly string[] {
  return readStringList(what, name, value).map((url) => readUrl(what, name, url, plainHttpHosts))
}

export function readFunction<F>(what: string, name: string, value: unknown): F {
  if (typeof value === 'function') return value as F
  throw new TypeError(`${what}: "${name}" must be a function`)
}
