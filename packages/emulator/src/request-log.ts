/** One request as the emulator saw it. Secrets, tokens, codes and assertions are not in it. */
export interface RecordedRequest {
  /** On the emulator's clock, seconds since the epoch. */
  readonly time: number
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Query and form. A value that is not known to be harmless reads `[redacted]`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly status: number
  /** The AADSTS code of a refusal. */
  readonly errorCode?: number
  readonly correlationId: string
}

export interface RequestLog {
  readonly entries: readonly RecordedRequest[]
  add(request: Omit<RecordedRequest, 'parameters'> & { readonly sent: readonly unknown[] }): void
}

const harmless: ReadonlySet<string> = new Set([
  'client_assertion_type',
  'client_id',
  'code_challenge_method',
  'grant_type',
  'prompt',
  'redirect_uri',
  'requested_token_use',
  'resource',
  'response_mode',
  'response_type',
  'scope',
])

const most = { entries: 1000, parameters: 50, characters: 300 }

/** The last thousand requests, newest last. */
export function createRequestLog(): RequestLog {
  const entries: RecordedRequest[] = []
  return {
    get entries() {
      return [...entries]
    },
    add({ sent, ...request }) {
      entries.push(Object.freeze({ ...request, parameters: Object.freeze(redact(sent)) }))
      if (entries.length > most.entries) entries.shift()
    },
  }
}

function redact(sent: readonly unknown[]): Record<string, string> {
  const parameters = sent.flatMap((parsed) => Object.entries(parsed ?? {})).slice(0, most.parameters)
  return Object.fromEntries(
    parameters.map(([name, value]) => [
      name.slice(0, most.characters),
      isHarmless(name, value) ? value : '[redacted]',
    ]),
  )
}

/** A harmless name does not make a token harmless that was sent under it by mistake. */
function isHarmless(name: string, value: unknown): boolean {
  return (
    harmless.has(name) &&
    typeof value === 'string' &&
    value.length <= most.characters &&
    !/eyJ|1\.[\w-]{40}/.test(value)
  )
}
