import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { guidPattern } from '../base/guid.js'
import { type Parameters, readParameters } from '../base/parameters.js'
import type { Flow, Step } from '../instance/flows.js'
import type { Instance } from '../instance/instance.js'
import { html } from '../pages/html.js'
import { type FormRoute, loadPages, type PageRoute } from './routes.js'

/** A request that meets a fault may never be answered. */
const longestRepeatMilliseconds = 8000

/** The live flow: the list, one flow, one step, and to do a request again. */
export function addFlowRoutes(
  app: FastifyInstance,
  instance: Instance,
  clear: () => void,
  route: PageRoute,
  form: FormRoute,
): void {
  const { flows } = instance
  const show = async (
    reply: FastifyReply,
    asked: Parameters,
    chosen?: { readonly flow: Flow; readonly step: Step },
  ): Promise<FastifyReply> => {
    const { flowPanel, liveFlow, sendPart, sendPortalPage } = await loadPages()
    if (chosen !== undefined && asked.get('part') !== undefined) {
      return sendPart(reply, await flowPanel(instance, chosen.flow, chosen.step))
    }
    return sendPortalPage(instance, reply, {
      section: 'requests',
      title: 'Live flow',
      lead: 'What clients, the token service and your APIs said to each other, while it happens.',
      script: 'live.js',
      body: await liveFlow(instance, asked, chosen),
    })
  }
  const gone = async (reply: FastifyReply): Promise<FastifyReply> => {
    const { sendPortalPage } = await loadPages()
    return sendPortalPage(instance, reply, {
      section: 'requests',
      title: 'This is not kept any more',
      status: 404,
      body: html`<p class="lead">
          The emulator keeps the last 5,000 steps, until they are cleared, a reset or its end.
        </p>
        <p><a class="button primary" href="/_/requests">To the live flow</a></p>`,
    })
  }

  app.get('/_/requests', route, (request, reply) => show(reply, readParameters(request.query)))
  app.get('/_/requests/events', route, async (_request, reply) => {
    const { sendEvents } = await loadPages()
    return sendEvents(instance, reply)
  })
  app.get<{ Params: { id: string } }>('/_/requests/:id', route, (request, reply) => {
    const { id } = request.params
    const found = flows.findStep((step) =>
      step.kind !== 'request'
        ? false
        : guidPattern.test(id)
          ? flows.exchangeOf(step)?.requestId === id
          : String(step.request.id) === id,
    )
    return found === undefined ? gone(reply) : show(reply, readParameters(request.query), found)
  })
  app.get<{ Params: { id: string } }>('/_/flows/:id', route, async (request, reply) => {
    const flow = flows.find(Number(request.params.id))
    if (flow === undefined) return gone(reply)
    const { mainStep } = await loadPages()
    const asked = readParameters(request.query)
    const step = flow.steps.find(({ id }) => String(id) === asked.get('step')) ?? mainStep(flow)
    return show(reply, asked, { flow, step })
  })
  app.get<{ Params: { id: string } }>('/_/steps/:id/open', route, (request, reply) => {
    const found = flows.findStep(({ id }) => String(id) === request.params.id)
    const repeat = found && flows.exchangeOf(found.step)?.repeat
    // As a whole: what a client sent as its path may begin like another host.
    return repeat?.kind === 'open' ? reply.redirect(`${instance.origin}${repeat.address}`, 302) : gone(reply)
  })
  app.get<{ Params: { code: string } }>('/_/codes/:code', route, async (request, reply) => {
    const { code } = request.params
    const { meaningPart, refusalMeaning, sendPortalPage } = await loadPages()
    const meaning = await refusalMeaning(code)
    return sendPortalPage(instance, reply, {
      section: 'requests',
      status: meaning === undefined ? 404 : 200,
      title: meaning === undefined ? 'This code is not known here' : code,
      lead: 'Codes of APIs with a validator of this suite.',
      body:
        meaning === undefined
          ? html`<p>The API that reported it knows what it means.</p>
              <p><a class="button" href="/_/requests">To the live flow</a></p>`
          : html`<div class="card">${meaningPart(meaning)}</div>`,
    })
  })
  app.post('/_/again', form, async (request, reply) => {
    const { readAction } = await loadPages()
    const asked = readAction(instance, request).require('step')
    const found = flows.findStep(({ id }) => String(id) === asked)
    const repeat = found && flows.exchangeOf(found.step)?.repeat
    if (repeat?.kind !== 'send') return gone(reply)
    const late = delay(longestRepeatMilliseconds, undefined, { ref: false })
    const id = await Promise.race([repeat.send().catch(() => undefined), late])
    return reply.redirect(id === undefined ? '/_/requests' : `/_/requests/${id}`, 303)
  })
  app.post('/_/requests/clear', form, async (request, reply) => {
    const { readAction } = await loadPages()
    readAction(instance, request)
    clear()
    return reply.redirect('/_/requests', 303)
  })
}
