/** Refuses names that are no option: a misspelt setting must not be ignored. */
export function checkNames(what: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`${what}: unknown option "${name}"; expected ${names.join(', ')}`)
    }
  }
}

export function checkObject(what: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${what}: expected an object of options`)
  }
}

/** The TypeError for an option with a wrong value. `expected` completes "must be". */
export function wrongValue(what: string, name: string, expected: string): TypeError {
  return new TypeError(`${what}: "${name}" must be ${expected}`)
}

export function checkBoolean(what: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongValue(what, name, 'true or false')
}

export function checkOneOf(what: string, name: string, value: unknown, known: readonly string[]): void {
  if (!known.some((candidate) => candidate === value)) {
    throw wrongValue(what, name, `one of ${known.join(', ')}`)
  }
}

export function checkWholeNumber(
  what: string,
  name: string,
  value: unknown,
  least: number,
  most: number,
): void {
  if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
    throw wrongValue(what, name, `a whole number from ${least} to ${most}`)
  }
}

export function checkSeconds(what: string, name: string, value: unknown, least: number, most: number): void {
  if (!(typeof value === 'number' && value >= least && value <= most)) {
    throw wrongValue(what, name, `a number of seconds from ${least} to ${most}`)
  }
}
