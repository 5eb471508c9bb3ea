import type { FastifyReply } from 'fastify'
import type { Flow } from '../instance/flows.js'
import type { Service } from '../instance/service.js'
import { summaryOf } from './flow-words.js'

/*
 * The live flow as server-sent events. Each event holds the lines of the flows that changed since the one before, so that
 * many requests a second cost few events.
 */

const flushMilliseconds = 100
/** A proxy or a browser ends a connection on which nothing comes. */
const restMilliseconds = 15_000
const mostListeners = 20
const listeners = new WeakMap<Service['flows'], number>()

/** Sends what is there, and then what happens, until the browser goes away. */
export function sendEvents(service: Service, reply: FastifyReply): FastifyReply {
  const { flows } = service
  const count = listeners.get(flows) ?? 0
  if (count >= mostListeners) return reply.status(429).type('text/plain').send('Too many pages are open.\n')
  listeners.set(flows, count + 1)
  const { raw } = reply
  reply.hijack()
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  })
  const send = (message: object): void => {
    raw.write(`data: ${JSON.stringify(message)}\n\n`)
  }
  const changed = new Map<number, Flow>()
  let isCleared = false
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    timer = undefined
    // A browser that does not keep up gets the latest state of each flow when it does.
    if (raw.writableNeedDrain) return
    const lines = [...changed.values()].map((flow) => summaryOf(service, flow))
    send({ ...(isCleared ? { all: true } : {}), flows: lines })
    changed.clear()
    isCleared = false
  }
  const flushSoon = (): void => {
    timer ??= setTimeout(flush, flushMilliseconds)
  }
  const end = flows.subscribe((flow) => {
    if (flow === undefined) {
      changed.clear()
      isCleared = true
    } else changed.set(flow.id, flow)
    flushSoon()
  })
  const rest = setInterval(() => raw.write(': still here\n\n'), restMilliseconds)
  raw.on('drain', () => {
    if (changed.size > 0 || isCleared) flushSoon()
  })
  raw.on('close', () => {
    clearTimeout(timer)
    clearInterval(rest)
    end()
    listeners.set(flows, Math.max(0, (listeners.get(flows) ?? 1) - 1))
  })
  send({ all: true, flows: flows.latest().map((flow) => summaryOf(service, flow)) })
  return reply
}
