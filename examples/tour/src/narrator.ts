import { styleText } from 'node:util'

/** The endpoint version a scenario is played on; APIs registered for it get tokens of that version. */
export type Version = '1.0' | '2.0'

/** One line of a claims listing, or of anything else worth showing beside a call. */
export type Facts = Readonly<Record<string, string | undefined>>

/** A part of the tour: one of its scenarios, or what is refused. */
export interface Scene {
  readonly name: 'Scenario 1' | 'Scenario 2' | 'Multi-tenant' | 'Refusals'
  readonly version: Version
  readonly title: string
}

/**
 * Reports what happens, and keeps count of what was expected. Nothing it prints holds a token, a code or a secret: callers
 * pass it names, addresses, statuses and chosen claims.
 */
export interface Narrator {
  /** From now on an id is shown as the name it is registered under. */
  name(id: string, name: string): void
  /** A version begins, with a token service of its own. */
  begin(version: Version, origin: string): void
  scene(scene: Scene): void
  say(text: string): void
  asks(caller: string, callee: string, method: string, path: string, facts?: Facts): void
  answers(caller: string, callee: string, status: number, path: string, facts?: Facts): void
  /** Compares what was seen with what should have been. A difference is reported at once, and again at the end. */
  expect(what: string, seen: unknown, expected: unknown): void
  /** The last lines. Returns whether everything went as it should. */
  conclude(seconds: number): boolean
}

export type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

const isColoured = process.stdout.isTTY === true && ['', undefined].includes(process.env['NO_COLOR'])

export function paint(style: Style, text: string): string {
  return isColoured ? styleText(style, text) : text
}

/** Counts what was expected, and remembers what went otherwise. */
export class Expectations {
  #count = 0
  readonly #surprises: string[] = []

  /** Undefined if it is as expected, else what is wrong. */
  compare(where: string, what: string, seen: unknown, expected: unknown): string | undefined {
    this.#count++
    if (Object.is(seen, expected)) return undefined
    const surprise = `${what}: expected ${String(expected)}, saw ${String(seen)}`
    this.#surprises.push(`${where}: ${surprise}`)
    return surprise
  }

  /** Prints the numbers. Returns whether everything went as it should. */
  conclude(seconds: number): boolean {
    const isGood = this.#surprises.length === 0
    const count = `${this.#count} expectations, ${this.#surprises.length} not met, ${seconds.toFixed(1)} s`
    console.log(`\n${paint(isGood ? 'green' : 'red', paint('bold', count))}`)
    for (const surprise of this.#surprises) console.log(`  ${surprise}`)
    return isGood
  }
}

/** The names of ids. */
export class Names {
  readonly #names = new Map<string, string>()

  add(id: string, name: string): void {
    this.#names.set(id, `{${name}}`)
  }

  in(text: string): string {
    let named = text
    for (const [id, name] of this.#names) named = named.replaceAll(id, name)
    return named
  }
}
