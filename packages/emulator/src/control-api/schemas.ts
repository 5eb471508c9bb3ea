/** A JSON schema of the dialect that OpenAPI 3.1 has. */
export type Schema = Readonly<Record<string, unknown>>

export const text: Schema = { type: 'string', maxLength: 100_000 }
export const name: Schema = { type: 'string', minLength: 1, maxLength: 2048 }
export const flag: Schema = { type: 'boolean' }
export const number: Schema = { type: 'number' }
export const integer: Schema = { type: 'integer', minimum: 0 }
export const anyObject: Schema = { type: 'object' }

export function choice(...values: readonly string[]): Schema {
  return { type: 'string', enum: values }
}

export function list(items: Schema): Schema {
  return { type: 'array', items, maxItems: 10_000 }
}

/** An object with these members and no others; all are required unless some are named. */
export function record(properties: Readonly<Record<string, Schema>>, required?: readonly string[]): Schema {
  return {
    type: 'object',
    properties,
    required: required ?? Object.keys(properties),
    additionalProperties: false,
  }
}

/** An object with at least these members. */
export function open(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties, required: Object.keys(properties) }
}
