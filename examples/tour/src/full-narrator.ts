import {
  Expectations,
  Names,
  paint,
  type Facts,
  type Narrator,
  type Scene,
  type Version,
} from './narrator.js'

const callerWidth = 16
const calleeWidth = 16

/** Every request and every answer, with the claims that decide something, in the order in which they happen. */
export class FullNarrator implements Narrator {
  readonly #expectations = new Expectations()
  readonly #names = new Names()
  #scene = ''

  name(id: string, name: string): void {
    this.#names.add(id, name)
  }

  begin(version: Version, origin: string): void {
    this.#title(`The v${version} endpoints`)
    this.say(`The token service listens on ${origin}. Every request below is real;`)
    this.say('ids are shown as the {names} they are registered under, and no token is shown at all.')
  }

  scene({ name, version, title }: Scene): void {
    this.#title(`${name}, v${version}: ${title}`)
  }

  say(text: string): void {
    console.log(`  ${paint('dim', text)}`)
  }

  asks(caller: string, callee: string, method: string, path: string, facts: Facts = {}): void {
    this.#line(caller, paint('cyan', '→'), callee, `${method.padEnd(4)} ${path}`, facts)
  }

  answers(caller: string, callee: string, status: number, path: string, facts: Facts = {}): void {
    const style = status < 300 ? 'green' : status < 400 ? 'cyan' : 'yellow'
    const text = `${paint(style, String(status))}  ${paint('dim', `to ${path}`)}`
    this.#line(caller, paint('cyan', '←'), callee, text, facts)
  }

  expect(what: string, seen: unknown, expected: unknown): void {
    const surprise = this.#expectations.compare(this.#scene, what, seen, expected)
    if (surprise === undefined) console.log(`  ${paint('green', 'ok')} ${what}: ${String(seen)}`)
    else console.log(`  ${paint('red', 'NO')} ${surprise}`)
  }

  conclude(seconds: number): boolean {
    return this.#expectations.conclude(seconds)
  }

  #title(title: string): void {
    this.#scene = title
    console.log(`\n${paint('bold', title)}`)
  }

  #line(caller: string, arrow: string, callee: string, text: string, facts: Facts): void {
    console.log(
      `  ${caller.padEnd(callerWidth)} ${arrow} ${callee.padEnd(calleeWidth)} ${this.#names.in(text)}`,
    )
    const shown = Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== undefined)
    const indent = ' '.repeat(2 + callerWidth + 3 + calleeWidth + 1)
    for (const [name, value] of shown)
      console.log(`${indent}${paint('dim', name.padEnd(9))} ${this.#names.in(value)}`)
  }
}
