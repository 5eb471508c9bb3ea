import type { RecordedRequest } from './request-log.js'

/*
 * What happened, grouped into flows: a sign-in, its code, the token, the calls of an API with it, the token that the API
 * asks for on behalf of the user. The page shows them while they happen.
 */

/** What is known of a request beyond its record. Secrets, tokens and codes are masked. */
export interface Exchange {
  /** The `x-ms-request-id` of the answer. */
  readonly requestId: string
  readonly sentHeaders: Readonly<Record<string, string>>
  readonly answerHeaders: Readonly<Record<string, string>>
  /** The members of a JSON answer. */
  readonly answer: Readonly<Record<string, string>> | undefined
  /** The access token that was issued, WITHOUT ITS SIGNATURE: nobody can use it. */
  readonly issued: UnsignedToken | undefined
  /** Sends the request once more. It holds what was sent, and gives it to nobody. */
  readonly repeat: Repeat | undefined
}

/** How a request is done again: by the emulator, or by opening its address in a browser. */
export type Repeat =
  | { readonly kind: 'send'; readonly send: () => Promise<string | undefined> }
  | { readonly kind: 'open'; readonly address: string }

export interface UnsignedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** What an API reports of one request to it. Nothing of the token is in it but its id. */
export interface ApiCall {
  /** The API, by appId, identifier URI or displayName. */
  readonly api: string
  /** Whether the API accepted the token. */
  readonly outcome: 'accepted' | 'refused'
  /** The HTTP status of a refusal. */
  readonly status?: number | undefined
  /** The API's code of a refusal. */
  readonly code?: string | undefined
  /** The claim or header member at fault, by name. */
  readonly claim?: string | undefined
  /** A word that narrows the code. */
  readonly reason?: string | undefined
  /** The HTTP method of the request. */
  readonly method?: string | undefined
  /** The path of the request, without its query. */
  readonly path?: string | undefined
  /** The client that called, by appId. */
  readonly clientId?: string | undefined
  /** The id of the token (`uti`): the call joins the flow that issued it. */
  readonly tokenId?: string | undefined
  /** How long the validation took. */
  readonly durationSeconds?: number | undefined
}

/** One thing that happened. Ids count up from 1. */
export type Step = { readonly id: number; readonly time: number } & (
  | { readonly kind: 'request'; readonly request: RecordedRequest }
  | { readonly kind: 'call'; readonly call: ApiCall }
)

export interface Flow {
  readonly id: number
  /** The oldest first. */
  readonly steps: readonly Step[]
}

/** How a request finds its flow. */
export interface FlowLinks {
  /** Begins a flow, whatever the keys say: a new sign-in of a browser that is signed in. */
  readonly starts: boolean
  /** What it has in common with other requests; the first that is known decides. */
  readonly keys: readonly string[]
}

export interface Flows {
  addRequest(request: RecordedRequest, exchange: Exchange | undefined, links: FlowLinks): void
  addCall(call: ApiCall, time: number): void
  /** The flow with the latest step first. */
  latest(): readonly Flow[]
  find(id: number): Flow | undefined
  /** The flow with a step that fits, and the step; the latest if there are several. */
  findStep(fits: (step: Step) => boolean): { readonly flow: Flow; readonly step: Step } | undefined
  /** Undefined for a step that is too long ago. */
  exchangeOf(step: Step): Exchange | undefined
  /** Called with each flow that changes, and with undefined when all are cleared. Returns the way to end it. */
  subscribe(listener: (changed: Flow | undefined) => void): () => void
  clear(): void
}

const most = { steps: 5000, exchanges: 1000, stepsOfOneFlow: 100, keys: 20_000 }

export function createFlows(): Flows {
  const flows = new Map<number, { readonly id: number; readonly steps: Step[] }>()
  const flowOfKey = new Map<string, number>()
  /** By the id of the step. */
  const exchanges = new Map<number, Exchange>()
  const listeners = new Set<(changed: Flow | undefined) => void>()
  const count = { flows: 0, steps: 0, kept: 0 }

  const flowFor = ({ starts, keys }: FlowLinks): { readonly id: number; readonly steps: Step[] } => {
    const known = starts ? undefined : keys.map((key) => flows.get(flowOfKey.get(key) ?? 0)).find(Boolean)
    if (known !== undefined && known.steps.length < most.stepsOfOneFlow) return known
    count.flows += 1
    return { id: count.flows, steps: [] }
  }
  const add = (links: FlowLinks, makeStep: (id: number) => Step, exchange?: Exchange): void => {
    count.steps += 1
    count.kept += 1
    const flow = flowFor(links)
    flow.steps.push(makeStep(count.steps))
    if (exchange !== undefined) exchanges.set(count.steps, exchange)
    for (const id of exchanges.keys()) {
      if (exchanges.size <= most.exchanges) break
      exchanges.delete(id)
    }
    // At the end: a map keeps the order in which entries came.
    flows.delete(flow.id)
    flows.set(flow.id, flow)
    for (const key of links.keys) {
      flowOfKey.delete(key)
      flowOfKey.set(key, flow.id)
    }
    for (const key of flowOfKey.keys()) {
      if (flowOfKey.size <= most.keys) break
      flowOfKey.delete(key)
    }
    for (const [id, { steps }] of flows) {
      if (count.kept <= most.steps || id === flow.id) break
      flows.delete(id)
      count.kept -= steps.length
    }
    for (const listener of listeners) listener(flow)
  }

  return {
    addRequest(request, exchange, links) {
      const tokenId = exchange?.issued?.claims['uti']
      const keys = typeof tokenId === 'string' ? [...links.keys, `token ${tokenId}`] : links.keys
      add({ ...links, keys }, (id) => ({ id, time: request.time, kind: 'request', request }), exchange)
    },
    addCall(call, time) {
      const keys = call.tokenId === undefined ? [] : [`token ${call.tokenId}`]
      add({ starts: false, keys }, (id) => ({ id, time, kind: 'call', call }))
    },
    latest: () => [...flows.values()].toReversed(),
    find: (id) => flows.get(id),
    findStep(fits) {
      for (const flow of [...flows.values()].toReversed()) {
        const step = flow.steps.findLast(fits)
        if (step !== undefined) return { flow, step }
      }
      return undefined
    },
    exchangeOf: ({ id }) => exchanges.get(id),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    clear() {
      flows.clear()
      flowOfKey.clear()
      exchanges.clear()
      count.kept = 0
      for (const listener of listeners) listener(undefined)
    },
  }
}
