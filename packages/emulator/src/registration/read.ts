import { readFileSync } from 'node:fs'
import { type OutputUnit, Validator } from '@cfworker/json-schema'
import { systemCode } from '../system-error.js'
import { withGraphNames } from './legacy.js'
import { registrationSchema } from './schema.js'
import type { Registration } from './types.js'

/** A registration that cannot be used. `path` names the place in it, such as `applications[2].appRoles[0].value`. */
export class RegistrationError extends TypeError {
  readonly path: string

  constructor(path: string, problem: string) {
    super(`registration: ${path === '' ? '' : `${path}: `}${problem}`)
    this.name = 'RegistrationError'
    this.path = path
  }
}

/**
 * The registration in a JSON file (its path) or in a value, copied and checked against the schema. Throws a
 * RegistrationError. Does not check that what it refers to exists: `createDirectory` does.
 */
export function readRegistration(source: unknown): Registration {
  const registration = withGraphNames(typeof source === 'string' ? readFile(source) : copy(source))
  const error = deepest(faultsOf(registration))
  if (error !== undefined) throw new RegistrationError(pathOf(error), problemOf(error))
  return registration as Registration
}

function readFile(path: string): unknown {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    throw new RegistrationError('', `cannot read the file ${path} (${systemCode(error)})`)
  }
  try {
    return JSON.parse(content)
  } catch {
    // The parser's message quotes the file, which may hold secrets.
    throw new RegistrationError('', `the file ${path} is not JSON`)
  }
}

/** What the caller changes later must not change a running emulator. */
function copy(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch {
    throw new RegistrationError('', 'expected plain data, as in a JSON file')
  }
}

const validator = new Validator(registrationSchema, '2020-12')

function faultsOf(registration: unknown): readonly OutputUnit[] {
  try {
    return validator.validate(registration).errors
  } catch {
    // Names are written into addresses, which takes well-formed text.
    throw new RegistrationError('', 'has a member whose name is not text')
  }
}

/** Each place in the way to a fault is reported as well; the one farthest in is the fault. */
function deepest(errors: readonly OutputUnit[]): OutputUnit | undefined {
  const depth = ({ instanceLocation }: OutputUnit): number => instanceLocation.split('/').length
  return errors.reduce<OutputUnit | undefined>(
    (found, error) => (found === undefined || depth(error) > depth(found) ? error : found),
    undefined,
  )
}

/** A JSON pointer, written as one would in code. */
function pathOf({ instanceLocation }: OutputUnit): string {
  return instanceLocation
    .split('/')
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

function problemOf({ keyword, error }: OutputUnit): string {
  if (keyword === 'false') return 'is not a known member'
  return error.replace(/^(?:Instance|String|Array|Object|Number) /, '').replace(/\.$/, '')
}
