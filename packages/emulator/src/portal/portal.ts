import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readParameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { EmulatorUsers } from '../controls/users.js'
import type { Instance } from '../instance/instance.js'
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
  readonly controls: Controls
  /** Of the https server (PEM). */
  readonly certificate: string | undefined
  readonly facts: InstanceFacts
}

/** The page under `/_/`: what is registered, what happened and why, and everything a test can change. */
export function addPortal(app: FastifyInstance, portal: Portal): void {
  const { instance } = portal.controls
  const errorHandler = createErrorHandler(instance)
  const form = { errorHandler, bodyLimit: maxFormBytes }
  addPages(app, portal, { errorHandler })
  addDetailPages(app, instance, { errorHandler })
  addActions(app, portal.controls, form)
  addSnapshot(app, portal.controls, form)
  addAnsweringForms(app, portal.controls, form)
}

type ErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

/** The options of a route that shows something. */
interface PageRoute {
  readonly errorHandler: ErrorHandler
}

/** The options of a route that changes something. */
interface FormRoute extends PageRoute {
  readonly bodyLimit: number
}

function createErrorHandler(instance: Instance): ErrorHandler {
  return async (error, _request, reply) => {
    if (!isTooLong(error)) return showError(error, reply)
    const { sendPortalPage } = await load()
    return sendPortalPage(instance, reply, {
      section: '',
      title: 'That is too long',
      status: 413,
      body: html`<p class="no">A form takes up to ${maxFormBytes} bytes. Put it into a file.</p>`,
    })
  }
}

/** The sections of the menu. */
function addPages(app: FastifyInstance, { controls, certificate, facts }: Portal, route: PageRoute): void {
  const { instance } = controls
  const page = (
    section: Section,
    title: string,
    body: (pages: Pages, asked: Parameters) => Html | Promise<Html>,
  ): void => {
    app.get(`/_/${section}`, route, async (request, reply) => {
      const pages = await load()
      const shown = await body(pages, readParameters(request.query))
      return pages.sendPortalPage(instance, reply, { section, title, body: shown })
    })
  }
  page('', 'Overview', ({ overview }) => overview(instance, certificate))
  page('registration', 'Registration', ({ registrationPage }) => registrationPage(controls))
  page('requests', 'Requests', ({ requestList }) => requestList(instance))
  page('consent', 'Consent', ({ consentMatrix }, asked) => consentMatrix(controls, asked))
  page('mint', 'Mint a token', ({ mint }) => mint(controls, undefined))
  page('inspect', 'Inspect a token', ({ inspectorPage }) => inspectorPage(controls, undefined))
  page('keys', 'Signing keys', ({ keyList }) => keyList(instance))
  page('faults', 'Faults and clock', ({ faultsAndClock }) => faultsAndClock(instance))
  page('state', 'State', ({ statePage }) => statePage(instance, facts))
  app.get('/_', (_request, reply) => reply.redirect('/_/', 302))
  app.get('/_/revocations', () => ({ revocations: controls.revocations() }))
}

/** The pages of one application and of one request. */
function addDetailPages(app: FastifyInstance, instance: Instance, route: PageRoute): void {
  app.get<{ Params: { appId: string } }>('/_/apps/:appId', route, async (request, reply) => {
    const application = instance.directory.applications.get(request.params.appId.toLowerCase())
    if (application === undefined) return reply.callNotFound()
    const { applicationDetail, sendPortalPage } = await load()
    return sendPortalPage(instance, reply, {
      section: '',
      title: application.displayName,
      body: applicationDetail(instance, application),
    })
  })
  app.get<{ Params: { id: string } }>('/_/requests/:id', route, async (request, reply) => {
    const entry = instance.log.entries.find(({ id }) => String(id) === request.params.id)
    if (entry === undefined) return reply.callNotFound()
    const { requestDetail, sendPortalPage } = await load()
    return sendPortalPage(instance, reply, {
      section: 'requests',
      title: `Request ${entry.id}`,
      body: requestDetail(instance, entry),
    })
  })
}

/** Forms that make a change and redirect to the page that shows it. A TypeError is shown on a page. */
function addActions(app: FastifyInstance, controls: Controls, form: FormRoute): void {
  const { instance, users, keys } = controls
  const action = (path: string, back: string, change: (sent: Parameters, pages: Pages) => unknown): void => {
    app.post(path, form, async (request, reply) => {
      const pages = await load()
      const sent = pages.readAction(instance, request)
      try {
        await change(sent, pages)
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        return pages.sendPortalPage(instance, reply, {
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
  action('/_/reset', '/_/state', () => controls.reset())
  action('/_/state', '/_/state', (sent) =>
    controls.importState(readStateText(sent.require('snapshot'), 'the pasted text')),
  )
  action('/_/keys', '/_/keys', (sent, { changeKeys }) => changeKeys(keys, sent))
  action('/_/faults', '/_/faults', (sent, { changeFaults }) => changeFaults(controls, sent))
  action('/_/clock', '/_/faults', (sent, { changeClock }) => changeClock(controls, sent))
  action('/_/users', '/_/', (sent) => changeUser(users, sent))
  action('/_/consent', '/_/consent', (sent) =>
    controls.revokeConsent({
      tenant: sent.require('tenant'),
      client: sent.require('client'),
      resource: sent.require('resource'),
      user: sent.get('user'),
    }),
  )
}

/** The snapshot as a file. Never by GET: it holds private keys. */
function addSnapshot(app: FastifyInstance, controls: Controls, form: FormRoute): void {
  app.post('/_/state/snapshot', form, async (request, reply) => {
    const { readAction } = await load()
    readAction(controls.instance, request)
    return reply
      .type('application/json')
      .header('content-disposition', 'attachment; filename="emulator-state.json"')
      .send(`${JSON.stringify(await controls.exportState(), undefined, 2)}\n`)
  })
}

/** Forms that answer with a page and do not redirect: what they show is stored nowhere. */
function addAnsweringForms(app: FastifyInstance, controls: Controls, form: FormRoute): void {
  const { instance } = controls
  app.post('/_/registration', form, async (request, reply) => {
    const { changeRegistration, readAction, sendPortalPage } = await load()
    const changed = changeRegistration(controls, readAction(instance, request))
    return sendPortalPage(instance, reply, { section: 'registration', title: 'Registration', ...changed })
  })
  app.post('/_/mint', form, async (request, reply) => {
    const { mint, readAction, sendPortalPage } = await load()
    const body = await mint(controls, readAction(instance, request))
    return sendPortalPage(instance, reply, { section: 'mint', title: 'Mint a token', body })
  })
  app.post('/_/inspect', form, async (request, reply) => {
    const { inspectorPage, readAction, sendPortalPage } = await load()
    const body = await inspectorPage(controls, readAction(instance, request))
    return sendPortalPage(instance, reply, { section: 'inspect', title: 'Inspect a token', body })
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
