import {
  Expectations,
  Names,
  paint,
  type Facts,
  type Narrator,
  type Scene,
  type Version,
} from './narrator.js'

const partyWidth = 16
const tokenService = 'token service'

/** One caller and one callee, from the first request between them to the last answer. */
interface Exchange {
  readonly caller: string
  readonly callee: string
  readonly asked: string[]
  answer: string | undefined
}

/**
 * The story: the v2.0 scenarios step by step, with the numbers of the diagrams in the README; of everything else one line
 * each. Requests that follow each other between the same two parties are one step.
 */
export class StoryNarrator implements Narrator {
  readonly #expectations = new Expectations()
  readonly #names = new Names()
  #scene: Scene | undefined
  #step = 0
  #exchange: Exchange | undefined
  #notes: string[] = []
  /** Who has read the keys: what follows is renewal in the background, at any time. */
  readonly #readers = new Set<string>()
  /** What was seen in a scene that has one line. */
  #seen: string[] = []

  name(id: string, name: string): void {
    this.#names.add(id, name)
  }

  begin(version: Version): void {
    this.#endScene()
    if (version === '2.0') {
      console.log(
        'Two service-to-service scenarios, against a token service in the shape of Microsoft Entra ID.',
      )
      console.log(paint('dim', 'Every request is real. Ids are shown as {names}; no token is shown.'))
    } else console.log(`\n${paint('bold', 'The same on the v1.0 endpoints')}`)
  }

  scene(scene: Scene): void {
    const isNew = scene.name !== this.#scene?.name || scene.version !== this.#scene.version
    this.#endScene()
    this.#scene = scene
    if (this.#isStepwise()) {
      if (isNew) this.#step = 0
      console.log(`\n${paint('bold', `${scene.name}: ${scene.title}`)}`)
    } else if (scene.version === '2.0' && (isNew || scene.name === 'Refusals')) {
      const title = scene.name === 'Refusals' ? `${scene.name}: ${scene.title}` : scene.name
      console.log(`\n${paint('bold', title)}`)
    }
  }

  say(text: string): void {
    if (this.#isStepwise()) this.#notes.push(text)
  }

  asks(caller: string, callee: string, method: string, path: string, facts: Facts = {}): void {
    if (!this.#isStepwise()) return
    if (isOfKeys(path)) {
      this.#readKeys(caller, callee)
      return
    }
    const asked = describe(method, path, facts)
    const last = this.#exchange
    const isContinued =
      callee === tokenService &&
      last?.caller === caller &&
      last.callee === callee &&
      last.answer !== undefined
    if (isContinued) {
      if (asked !== '' && !last.asked.includes(asked)) last.asked.push(asked)
      last.answer = undefined
      return
    }
    this.#endExchange()
    this.#exchange = { caller, callee, asked: [asked], answer: undefined }
  }

  answers(caller: string, callee: string, status: number, path: string, facts: Facts = {}): void {
    if (!this.#isStepwise() || isOfKeys(path)) return
    const answer = `${colouredStatus(status)}${this.#names.in(summaryOf(facts))}`
    const last = this.#exchange
    if (last?.caller === caller && last.callee === callee) {
      last.answer = answer
      return
    }
    this.#endExchange()
    this.#arrow(caller, '←', callee, answer)
  }

  expect(what: string, seen: unknown, expected: unknown): void {
    const scene = this.#scene
    const where = scene === undefined ? '' : `${scene.name}, v${scene.version}: ${scene.title}`
    const surprise = this.#expectations.compare(where, what, seen, expected)
    this.#endExchange()
    if (surprise !== undefined) console.log(`  ${paint('red', 'NO')} ${surprise}`)
    else if (this.#isStepwise() || (scene?.name === 'Refusals' && scene.version === '2.0')) {
      console.log(`  ${paint('green', '✓')}  ${what}: ${this.#names.in(String(seen))}`)
    } else this.#seen.push(this.#names.in(String(seen)))
  }

  conclude(seconds: number): boolean {
    this.#endScene()
    return this.#expectations.conclude(seconds)
  }

  #isStepwise(): boolean {
    return this.#scene?.version === '2.0' && this.#scene.name.startsWith('Scenario')
  }

  #endScene(): void {
    this.#endExchange()
    const scene = this.#scene
    const seen = this.#seen
    this.#seen = []
    if (scene === undefined || seen.length === 0) return
    const prefix = scene.version === '1.0' ? `${scene.name}: ` : ''
    console.log(`  ${paint('green', '✓')}  ${prefix}${scene.title}: ${shorten(seen)}`)
  }

  #endExchange(): void {
    const ended = this.#exchange
    this.#exchange = undefined
    if (ended !== undefined) {
      const asked = ended.asked.filter((text) => text !== '').join(', ')
      this.#arrow(ended.caller, '→', ended.callee, this.#names.in(asked))
      if (ended.answer !== undefined) this.#arrow(ended.caller, '←', ended.callee, ended.answer)
    }
    for (const note of this.#notes.splice(0)) console.log(`      ${paint('dim', note)}`)
  }

  #readKeys(caller: string, callee: string): void {
    if (this.#readers.has(caller)) return
    this.#readers.add(caller)
    this.#endExchange()
    this.#arrow(caller, '→', callee, 'reads the keys, once')
  }

  #arrow(caller: string, arrow: string, callee: string, text: string): void {
    this.#step++
    const number = String(this.#step).padStart(3)
    console.log(
      `${paint('cyan', number)}  ${caller.padEnd(partyWidth)} ${paint('cyan', arrow)} ${callee.padEnd(partyWidth)} ${text}`,
    )
  }
}

/** Whether a path, or the end of one, is that of the metadata or the keys. */
function isOfKeys(path: string): boolean {
  return /(^|\/)(openid-configuration|keys)$/.test(path)
}

/** What a request is for, in a few words. */
function describe(method: string, path: string, { grant }: Facts): string {
  if (path.endsWith('/token')) return grants[grant ?? ''] ?? `asks for a token (${grant})`
  if (path.includes('/authorize')) return method === 'GET' ? 'signs in (code, PKCE)' : ''
  return `${method} ${path}`
}

const grants: Readonly<Record<string, string>> = {
  client_credentials: 'asks for a token as itself',
  authorization_code: 'redeems the code',
  refresh_token: 'renews by the refresh token',
  'jwt-bearer, on_behalf_of': 'asks on behalf of the user',
}

/** What a token that came is for and may do, or why none came. */
function summaryOf({ aud, scp, roles, and, error, challenge }: Facts): string {
  if (error !== undefined) return `  ${error}`
  if (challenge !== undefined) return `  ${/error="(\w+)"/.exec(challenge)?.[1] ?? 'challenge'}`
  if (aud === undefined) return ''
  const may = scp ?? roles
  return `  token for ${aud}${may === undefined ? '' : `: ${may}`}${and === undefined ? '' : ', refresh token'}`
}

function colouredStatus(status: number): string {
  return paint(status < 300 ? 'green' : status < 400 ? 'cyan' : 'yellow', String(status))
}

/** A line holds a few results; most of them are short. */
function shorten(seen: readonly string[]): string {
  return seen.map((text) => (text.length > 28 ? `${text.slice(0, 27)}…` : text)).join(', ')
}
