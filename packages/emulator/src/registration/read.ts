import { readFileSync } from 'node:fs'
import { createShape } from '../base/shape.js'
import { systemCode } from '../base/system-error.js'
import { withGraphNames } from './legacy.js'
import { registrationSchema } from './schema.js'
import type { Registration } from './types.js'

/** A registration that cannot be used. The message holds no secret of it. */
export class RegistrationError extends TypeError {
  /** The place in the registration, such as `applications[2].appRoles[0].value`; empty for the whole. */
  readonly path: string

  constructor(path: string, problem: string) {
    super(`registration: ${path === '' ? '' : `${path}: `}${problem}`)
    this.name = 'RegistrationError'
    this.path = path
  }
}

/**
 * The registration in a JSON file, copied and checked as `checkRegistration` does. The path must come from the person who runs
 * this process: what the file is, and the names of its members, appear in messages.
 */
export function readRegistrationFile(path: string): Registration {
  return checkRegistration(readFile(path))
}

/**
 * The registration in a value, copied and checked against the schema. Throws a RegistrationError. Does not check that
 * what it refers to exists: `loadDirectory` does.
 */
export function checkRegistration(value: unknown): Registration {
  const data = copy(value)
  // Text is refused here: nothing that a caller sends is taken for the path of a file.
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new RegistrationError('', 'must be an object')
  }
  const registration = withGraphNames(data)
  const fault = findFault(registration)
  if (fault !== undefined) throw new RegistrationError(fault.path, fault.problem)
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
    throw new RegistrationError('', 'must be plain data, as in a JSON file')
  }
}

const findFault = createShape(registrationSchema)
