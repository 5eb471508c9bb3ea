import { EntraError } from '../base/errors.js'
import { createShape } from '../base/shape.js'
import type { Controls } from '../controls/controls.js'
import { RegistrationError } from '../registration/read.js'
import { type Operation, operations, Refusal } from './operations.js'

/** A request to the control API, as it was read. */
interface Call {
  readonly method: string
  /** After the prefix. */
  readonly path: string
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly signal: AbortSignal
}

type Answer =
  | { readonly body: unknown; readonly allow?: undefined }
  | {
      readonly problem: { readonly status: number; readonly code: string; readonly message: string }
      /** The methods that the path has. */
      readonly allow?: readonly string[]
    }

/** Finds the operation, checks what is sent against its description, and runs it. */
export async function dispatch(controls: Controls, call: Call): Promise<Answer> {
  const fitting = operations.flatMap((operation) => {
    const parameters = parametersOf(operation.path, call.path)
    return parameters === undefined ? [] : [{ operation, parameters }]
  })
  const found = fitting.find(({ operation }) => operation.method === call.method)
  if (found === undefined) {
    if (fitting.length === 0) return problem(404, 'not_found', 'There is no such path: see openapi.json.')
    const allow = fitting.map(({ operation }) => operation.method)
    return { ...problem(405, 'method_not_allowed', `Use ${allow.join(' or ')}.`), allow }
  }
  const { operation, parameters } = found
  try {
    const query = readQuery(operation, call.query)
    const body = readBody(operation, call.body)
    return { body: await operation.run(controls, { parameters, query, body, signal: call.signal }) }
  } catch (error) {
    return problemOf(error)
  }
}

function problemOf(error: unknown): Answer {
  if (error instanceof Refusal) return problem(error.status, error.code, error.message)
  if (error instanceof RegistrationError) return problem(400, 'invalid_registration', error.message)
  if (error instanceof TypeError) return problem(400, 'invalid_request', error.message)
  if (error instanceof EntraError) return problem(400, `AADSTS${error.code}`, error.message)
  throw error
}

function problem(status: number, code: string, message: string): Extract<Answer, { problem: unknown }> {
  return { problem: { status, code, message } }
}

/** The values of `{names}` in a path; undefined if it does not fit. */
function parametersOf(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const [expected, given] = [template.split('/'), path.split('/')]
  if (expected.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, step] of expected.entries()) {
    const value = given[index] ?? ''
    const [, name] = /^\{(\w+)\}$/.exec(step) ?? []
    if (name === undefined && step !== value) return undefined
    if (name === undefined) continue
    try {
      parameters[name] = decodeURIComponent(value)
    } catch {
      return undefined
    }
  }
  return parameters
}

function readQuery(
  { query = {} }: Operation,
  sent: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(sent)) {
    const schema = Object.hasOwn(query, name) ? query[name] : undefined
    if (schema === undefined) {
      const known = Object.keys(query)
      throw new TypeError(
        `query: unknown parameter "${name.slice(0, 50)}"; expected ${known.length === 0 ? 'none' : known.join(', ')}`,
      )
    }
    const isNumber = Object.hasOwn(schema, 'minimum')
    read[name] = isNumber && typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    check(`query: ${name}`, schema, read[name])
  }
  return read
}

function readBody({ body: schema }: Operation, sent: unknown): unknown {
  if (schema === undefined) {
    if (sent !== undefined) throw new TypeError('body: must be absent')
    return undefined
  }
  if (sent === undefined) throw new TypeError('body: must be JSON')
  check('body', schema, sent)
  return sent
}

/** Compiled when they are first used. */
const shapes = new WeakMap<object, ReturnType<typeof createShape>>()

function check(what: string, schema: object, value: unknown): void {
  const shape = shapes.get(schema) ?? createShape(schema)
  shapes.set(schema, shape)
  const fault = shape(value)
  if (fault !== undefined) {
    throw new TypeError(`${what}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.problem}`)
  }
}
