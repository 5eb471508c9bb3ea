import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readParameters } from '../base/parameters.js'
import type { EmulatorKeys } from '../controls/keys.js'
import { revokeConsent } from '../controls/revoke-consent.js'
import type { EmulatorUsers } from '../controls/users.js'
import { Instance } from '../instance/instance.js'
import { readStateText } from '../instance/state-file.js'
import { showError } from '../pages/error.js'
import { html, type Html } from '../pages/html.js'
import type { Section } from './layout.js'
import type { InstanceFacts } from './state.js'

type Pages = typeof import('./pages.js')

/** The pages are a quarter of all files: they are loaded with the first request for one. */
const load = (): Promise<Pages> => import('./pages.js')

/** The limit for a form: a registration or a snapshot. */
const maxFormBytes = 2 * 1024 * 1024

/** What the page works with. */
export interface Portal {
  readonly instance: Instance
  readonly users: EmulatorUsers
  readonly keys: EmulatorKeys
  /** Of the https server (PEM). */
  readonly certificate: string | undefined
  readonly facts: InstanceFacts
}

/** The page under `/_/`: what is registered, what happened and why, and everything a test can change. */
export function addPortal(app: FastifyInstance, portal: Portal): void {
  const { instance: service, users, keys, certificate, facts } = portal
  const errorHandler = async (
    error: unknown,
    _request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    if (!isTooLong(error)) return showError(error, reply)
    const { sendPortalPage } = await load()
    return sendPortalPage(service, reply, {
      section: '',
      title: 'That is too long',
      status: 413,
      body: html`<p class="no">A form takes up to ${maxFormBytes} bytes. Put it into a file.</p>`,
    })
  }
  /** The route options of a form that changes something. */
  const form = { errorHandler, bodyLimit: maxFormBytes }

  const page = (
    section: Section,
    title: string,
    body: (pages: Pages, asked: Parameters) => Html | Promise<Html>,
  ): void => {
    app.get(`/_/${section}`, { errorHandler }, async (request, reply) => {
      const pages = await load()
      const shown = await body(pages, readParameters(request.query))
      return pages.sendPortalPage(service, reply, { section, title, body: shown })
    })
  }
  page('', 'Overview', ({ overview }) => overview(service, certificate))
  page('registration', 'Registration', ({ registrationPage }) => registrationPage(service))
  page('requests', 'Requests', ({ requestList }) => requestList(service))
  page('consent', 'Consent', ({ consentMatrix }, asked) => consentMatrix(service, asked))
  page('mint', 'Mint a token', ({ mint }) => mint(service, undefined))
  page('inspect', 'Inspect a token', ({ inspectorPage }) => inspectorPage(service, undefined))
  page('keys', 'Signing keys', ({ keyList }) => keyList(service))
  page('faults', 'Faults and clock', ({ faultsAndClock }) => faultsAndClock(service))
  page('state', 'State', ({ statePage }) => statePage(service, facts))
  app.get('/_', (_request, reply) => reply.redirect('/_/', 302))
  app.get('/_/revocations', () => ({ revocations: service.revocations.visible(service.clock.now()) }))

  app.get<{ Params: { appId: string } }>('/_/apps/:appId', { errorHandler }, async (request, reply) => {
    const application = service.directory.applications.get(request.params.appId.toLowerCase())
    if (application === undefined) return reply.callNotFound()
    const { applicationDetail, sendPortalPage } = await load()
    return sendPortalPage(service, reply, {
      section: '',
      title: application.displayName,
      body: applicationDetail(service, application),
    })
  })
  app.get<{ Params: { id: string } }>('/_/requests/:id', { errorHandler }, async (request, reply) => {
    const entry = service.log.entries.find(({ id }) => String(id) === request.params.id)
    if (entry === undefined) return reply.callNotFound()
    const { requestDetail, sendPortalPage } = await load()
    return sendPortalPage(service, reply, {
      section: 'requests',
      title: `Request ${entry.id}`,
      body: requestDetail(service, entry),
    })
  })

  /** Makes a change and redirects to the page that shows it. A TypeError is shown on a page. */
  const action = (path: string, back: string, change: (sent: Parameters, pages: Pages) => unknown): void => {
    app.post(path, form, async (request, reply) => {
      const pages = await load()
      const sent = pages.readAction(service, request)
      try {
        await change(sent, pages)
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        return pages.sendPortalPage(service, reply, {
          section: '',
          title: 'That cannot be done',
          status: 400,
          body: html`<p class="no">${error.message}</p>
            <p><a href="${back}">Back</a></p>`,
        })
      }
      return reply.redirect(back, 303)
    })
  }
  action('/_/reset', '/_/state', () => service.reset())
  action('/_/state', '/_/state', (sent) =>
    service.importState(readStateText(sent.require('snapshot'), 'what was pasted')),
  )
  action('/_/keys', '/_/keys', (sent, { changeKeys }) => changeKeys(keys, sent))
  action('/_/faults', '/_/faults', (sent, { changeFaults }) => changeFaults(service, sent))
  action('/_/clock', '/_/faults', (sent, { changeClock }) => changeClock(service, sent))
  action('/_/users', '/_/', (form) => changeUser(users, form))
  action('/_/consent', '/_/consent', (form) => {
    const user = form.get('user')
    revokeConsent(service, {
      tenant: form.require('tenant'),
      client: form.require('client'),
      resource: form.require('resource'),
      ...(user === undefined ? {} : { user }),
    })
  })

  // Never by GET: it holds private keys.
  app.post('/_/state/snapshot', form, async (request, reply) => {
    const { readAction } = await load()
    readAction(service, request)
    return reply
      .type('application/json')
      .header('content-disposition', 'attachment; filename="emulator-state.json"')
      .send(`${JSON.stringify(await service.exportState(), undefined, 2)}\n`)
  })

  // These answer with a page and do not redirect: what they show is stored nowhere.
  app.post('/_/registration', form, async (request, reply) => {
    const { changeRegistration, readAction, sendPortalPage } = await load()
    const changed = changeRegistration(service, readAction(service, request))
    return sendPortalPage(service, reply, { section: 'registration', title: 'Registration', ...changed })
  })
  app.post('/_/mint', form, async (request, reply) => {
    const { mint, readAction, sendPortalPage } = await load()
    const body = await mint(service, readAction(service, request))
    return sendPortalPage(service, reply, { section: 'mint', title: 'Mint a token', body })
  })
  app.post('/_/inspect', form, async (request, reply) => {
    const { inspectorPage, readAction, sendPortalPage } = await load()
    const body = await inspectorPage(service, readAction(service, request))
    return sendPortalPage(service, reply, { section: 'inspect', title: 'Inspect a token', body })
  })
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
}

function changeUser(users: EmulatorUsers, form: Parameters): void {
  const [user, what] = [form.require('user'), form.require('do')]
  if (what === 'revoke') users.revokeSessions(user)
  else if (what === 'disable') users.disable(user)
  else if (what === 'enable') users.enable(user)
  else throw new EntraError(9002313)
}
