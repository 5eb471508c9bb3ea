import { styleText } from 'node:util'

/** One line of a claims listing, or of anything else worth showing beside a call. */
export type Facts = Readonly<Record<string, string | undefined>>

type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

const isColoured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined

function paint(style: Style, text: string): string {
  return isColoured ? styleText(style, text) : text
}

const callerWidth = 16
const calleeWidth = 16

/**
 * Tells what happens, line by line, and keeps count of what was expected. Nothing it prints holds a token, a code or a
 * secret: callers hand it names, addresses, statuses and chosen claims.
 */
export class Narrator {
  #expectations = 0
  readonly #surprises: string[] = []
  readonly #names = new Map<string, string>()
  #scene = ''

  /** From now on an id is told as the name it is registered under. */
  name(id: string, name: string): void {
    this.#names.set(id, `{${name}}`)
  }

  scene(title: string): void {
    this.#scene = title
    console.log(`\n${paint('bold', title)}`)
  }

  say(text: string): void {
    console.log(`  ${paint('dim', text)}`)
  }

  asks(caller: string, callee: string, method: string, path: string, facts: Facts = {}): void {
    this.#line(caller, paint('cyan', '→'), callee, `${method.padEnd(4)} ${path}`, facts)
  }

  answers(caller: string, callee: string, status: number, path: string, facts: Facts = {}): void {
    const style = status < 300 ? 'green' : status < 400 ? 'cyan' : 'yellow'
    this.#line(
      caller,
      paint('cyan', '←'),
      callee,
      `${paint(style, String(status))}  ${paint('dim', `to ${path}`)}`,
      facts,
    )
  }

  /** Compares what was seen with what should have been. A difference is told at once, and again at the end. */
  expect(what: string, seen: unknown, expected: unknown): void {
    this.#expectations++
    if (Object.is(seen, expected)) {
      console.log(`  ${paint('green', 'ok')} ${what}: ${String(seen)}`)
      return
    }
    const surprise = `${what}: expected ${String(expected)}, saw ${String(seen)}`
    this.#surprises.push(`${this.#scene}: ${surprise}`)
    console.log(`  ${paint('red', 'NO')} ${surprise}`)
  }

  /** The last lines. Returns whether everything went as it should. */
  conclude(seconds: number): boolean {
    const count = `${this.#expectations} expectations, ${this.#surprises.length} not met, ${seconds.toFixed(1)} s`
    console.log(`\n${paint(this.#surprises.length === 0 ? 'green' : 'red', paint('bold', count))}`)
    for (const surprise of this.#surprises) console.log(`  ${surprise}`)
    return this.#surprises.length === 0
  }

  #line(caller: string, arrow: string, callee: string, text: string, facts: Facts): void {
    console.log(`  ${caller.padEnd(callerWidth)} ${arrow} ${callee.padEnd(calleeWidth)} ${this.#named(text)}`)
    const shown = Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== undefined)
    const indent = ' '.repeat(2 + callerWidth + 3 + calleeWidth + 1)
    for (const [name, value] of shown)
      console.log(`${indent}${paint('dim', name.padEnd(9))} ${this.#named(value)}`)
  }

  #named(text: string): string {
    let named = text
    for (const [id, name] of this.#names) named = named.replaceAll(id, name)
    return named
  }
}
