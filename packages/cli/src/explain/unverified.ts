/** A decoded part of a token, which nobody has verified. */
export type Json = Readonly<Record<string, unknown>>

/** The parts of a text that may be a token. */
export interface UnverifiedParts {
  /** How many parts the dots make: a signed token has three, an encrypted one five. */
  readonly count: number
  readonly header: Json | undefined
  readonly claims: Json | undefined
}

/** Decodes a token without verifying it: for what a person reads, never for a decision. */
export function decode(token: string): UnverifiedParts {
  const parts = token.split('.')
  return {
    count: parts.length,
    header: readPart(parts[0]),
    claims: parts.length === 3 ? readPart(parts[1]) : undefined,
  }
}

function readPart(part: string | undefined): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

/** A member that is text; undefined otherwise. */
export function textOf(object: Json | undefined, name: string): string | undefined {
  const value = object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined
  return typeof value === 'string' ? value : undefined
}

/** A member that is a time; undefined otherwise. */
export function timeOf(object: Json | undefined, name: string): number | undefined {
  const value = object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
