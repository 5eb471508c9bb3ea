import { claim, type Claims } from './claims.js'
import { BearerError } from './errors.js'
import { isJsonObject } from './json.js'
import { checkObject } from './options-reader.js'

/** A value that a claim must have, or one of several. */
export type ExpectedValue = string | number | boolean

/** What a claim must be, where a plain value does not say it: made by `expectation`, or `present`, or `absent`. */
export interface Expectation {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:expectation': never
}

/**
 * What the members of an object must be. A value or a list of values is compared exactly, type and case included, and never
 * matches a list in the token: that needs an `expectation`. A nested shape describes the members of an object.
 */
export interface Shape {
  readonly [name: string]: ExpectedValue | readonly ExpectedValue[] | Expectation | Shape
}

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const expectationKey = Symbol.for('@countersign/core:expectation')

interface ReadExpectation {
  readonly name: string
  /** Whether it accepts a claim that the token does not have. */
  readonly acceptsAbsent: boolean
  readonly test: (value: unknown) => boolean
  /** Whether it says something about the value itself, and not only that there is one. */
  readonly isSpecific: boolean
}

function createExpectation(read: ReadExpectation): Expectation {
  return Object.freeze({ [expectationKey]: Object.freeze(read) }) as unknown as Expectation
}

/** The claim exists, with whatever value. A `null` counts as absent. */
export const present: Expectation = createExpectation({
  name: 'present',
  acceptsAbsent: false,
  test: () => true,
  isSpecific: false,
})

/** The token does not have the claim. A `null` counts as absent. */
export const absent: Expectation = createExpectation({
  name: 'absent',
  acceptsAbsent: true,
  test: () => false,
  isSpecific: false,
})

/**
 * A test of a claim's value, with a name for `explain`. The test runs once for each token, after its signature was verified
 * (for a token type before), and only where the token has the claim: an absent claim fails. Only `true` accepts. A test that
 * throws is answered with 503. Throws a TypeError for a missing name or test.
 *
 * @example
 * ```ts
 * import { expectation, oidcIssuer } from '@countersign/core'
 *
 * const issuer = oidcIssuer({
 *   issuer: 'https://token.actions.githubusercontent.com',
 *   audience: 'https://api.example',
 *   requiredClaims: {
 *     repository_owner_id: '1234567',
 *     ref: expectation('a release branch', (ref) => typeof ref === 'string' && /^refs\/heads\/release\/\d+$/.test(ref)),
 *   },
 * })
 * ```
 */
export function expectation(name: string, test: (value: unknown) => boolean): Expectation {
  if (typeof name !== 'string' || name.trim() === '') {
    throw new TypeError('expectation: "name" must be a non-empty string')
  }
  if (typeof test !== 'function') throw new TypeError('expectation: "test" must be a function')
  return createExpectation({ name, acceptsAbsent: false, test, isSpecific: true })
}

/** One member that is expected, at any depth. */
interface ExpectedMember extends ReadExpectation {
  readonly path: readonly string[]
}

/** A shape that was read: a list of members, each with its path. */
export type CompiledShape = readonly ExpectedMember[]

/** Reads a shape. Throws a TypeError where it is malformed, or expects nothing. */
export function compileShape(what: string, name: string, shape: unknown): CompiledShape {
  const where = `${what}: "${name}"`
  const members = membersOf(where, shape, [])
  if (members.length === 0) throw new TypeError(`${where} must name at least one member`)
  return members
}

function membersOf(where: string, shape: unknown, path: readonly string[]): ExpectedMember[] {
  checkObject(where, shape)
  return Object.entries(shape).flatMap(([name, expected]) => {
    const inner = [...path, name]
    const read = readExpected(expected)
    if (read !== undefined) return [{ ...read, path: inner }]
    if (isJsonObject(expected) && Object.keys(expected).length > 0) return membersOf(where, expected, inner)
    throw new TypeError(
      `${where}: "${inner.join('.')}" must be a value, a list of values, an expectation or a nested shape`,
    )
  })
}

function readExpected(expected: unknown): ReadExpectation | undefined {
  if (isJsonObject(expected)) {
    return (expected as { [expectationKey]?: ReadExpectation })[expectationKey]
  }
  const values: readonly unknown[] = Array.isArray(expected) ? [...expected] : [expected]
  if (values.length === 0 || !values.every(isExpectedValue)) return undefined
  return {
    name: values.map((value) => JSON.stringify(value)).join(' or '),
    acceptsAbsent: false,
    test: (value) => values.includes(value as ExpectedValue),
    isSpecific: true,
  }
}

function isExpectedValue(value: unknown): value is ExpectedValue {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/** The first member that is not as expected, by its path; undefined if all are. Throws a 503 where a test throws. */
export function findMismatch(shape: CompiledShape, object: Claims): string | undefined {
  return shape.find((member) => !matches(member, object))?.path.join('.')
}

function matches({ path, acceptsAbsent, test }: ExpectedMember, object: Claims): boolean {
  const value = valueAt(object, path)
  if (value === undefined) return acceptsAbsent
  try {
    return test(value) === true
  } catch {
    throw new BearerError('check_unavailable', { reason: 'expectation', claim: path.join('.') })
  }
}

/** The value at a path of own members; undefined where there is none. A `null` counts as absent. */
export function valueAt(object: Claims, path: readonly string[]): unknown {
  let value: unknown = object
  for (const name of path) {
    if (!isJsonObject(value)) return undefined
    value = claim(value, name)
  }
  return value
}

/** Claims that are the same, or may be, in the tokens of everyone: comparing them says nothing of whose token it is. */
const namesOfEveryone = new Set([
  'iss',
  'aud',
  'exp',
  'nbf',
  'iat',
  'typ',
  'token_use',
  'token_type',
  'role',
  'active',
])

/**
 * The names at the top of a shape whose value is really compared, not only demanded to exist, and that say something of
 * whose token it is.
 */
export function specificNames(shape: CompiledShape): readonly string[] {
  return shape
    .filter(({ isSpecific, path }) => isSpecific && !namesOfEveryone.has(path[0] as string))
    .map(({ path }) => path[0] as string)
}

/** A shape for people: what each member is expected to be. */
export function describeShape(shape: CompiledShape): string {
  return shape.map(({ path, name }) => `${path.join('.')} ${name}`).join(', ')
}
