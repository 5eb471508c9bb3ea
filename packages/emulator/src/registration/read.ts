import { readFileSync } from 'node:fs'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
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
  const validate = compiled()
  if (!validate(registration)) {
    const [error] = validate.errors ?? []
    throw error === undefined
      ? new RegistrationError('', 'does not have the expected shape')
      : new RegistrationError(pathOf(error), problemOf(error))
  }
  return registration
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

let validator: ValidateFunction<Registration> | undefined

/** Compiled at the first start of the process: it is the slowest part of one, and always the same. */
function compiled(): ValidateFunction<Registration> {
  if (validator === undefined) {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
    formats.default(ajv, ['uuid', 'date-time'])
    validator = ajv.compile<Registration>(registrationSchema)
  }
  return validator
}

/** A JSON pointer, written as one would in code. */
function pathOf(error: ErrorObject): string {
  const unknown: unknown = error.params['additionalProperty']
  const steps = error.instancePath.split('/').slice(1)
  if (typeof unknown === 'string') steps.push(unknown)
  return steps
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

function problemOf(error: ErrorObject): string {
  if (error.keyword === 'additionalProperties') return 'is not a known member'
  const allowed: unknown = error.params['allowedValues']
  if (Array.isArray(allowed))
    return `must be one of ${allowed.map((value) => JSON.stringify(value)).join(', ')}`
  return error.message ?? 'does not have the expected shape'
}
