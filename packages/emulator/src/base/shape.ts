import { type OutputUnit, Validator } from '@cfworker/json-schema'

/** What is wrong with plain data, and where. Holds member names, never values. */
export interface ShapeFault {
  /** As one would write it in code: `applications[2].appRoles[0].value`. */
  readonly path: string
  readonly problem: string
}

/** Checks plain data against a schema; returns the most deeply nested fault, or undefined. */
export function createShape(schema: object): (value: unknown) => ShapeFault | undefined {
  const validator = new Validator(schema, '2020-12')
  return (value) => {
    let errors: readonly OutputUnit[]
    try {
      errors = validator.validate(value).errors
    } catch {
      // Names are written into addresses, which takes well-formed text.
      return { path: '', problem: 'has a member name that is not well-formed text' }
    }
    const error = deepest(errors)
    return error === undefined ? undefined : { path: pathOf(error), problem: problemOf(error) }
  }
}

/** The validator reports each place that contains a fault as well; the most deeply nested one is the fault. */
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
  if (keyword === 'minimum' || keyword === 'maximum') return 'is out of range'
  return error.replace(/^(?:Instance|String|Array|Object|Number) /, '').replace(/\.$/, '')
}
