import type { FastifyInstance } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readParameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { EmulatorUsers } from '../controls/users.js'
import type { Instance } from '../instance/instance.js'
import { readStateText } from '../instance/state-file.js'
import { showError } from '../pages/error.js'
import { html, type Html, nameText } from '../pages/html.js'
import { addFlowRoutes } from './flow-routes.js'
import type { Section } from './layout.js'
import { type ErrorHandler, type FormRoute, loadPages, type PageRoute } from './routes.js'
import type { InstanceFacts } from './state.js'

type Pages = Awaited<ReturnType<typeof loadPages>>

/** The limit for a form: a registration or a snapshot. */
const maxFormBytes = 2 * 1024 * 1024

/** What the page works with. */
export interface Portal {
  readonly controls: Controls
  /** Of the https server (PEM). */
  readonly certificate: string | undefined
  readonly facts: InstanceFacts
}

/** The page under `/_/`: who may call whom, what happened and why, and everything a test can change. */
export function addPortal(app: FastifyInstance, portal: Portal): void {
  const { controls } = portal
  const { instance } = controls
  const errorHandler = createErrorHandler(instance)
  const form = { errorHandler, bodyLimit: maxFormBytes }
  addPages(app, portal, { errorHandler })
  addDetailPages(app, instance, { errorHandler })
  addFlowRoutes(app, instance, controls.clearRequests, { errorHandler }, form)
  addActions(app, controls, form)
  addSnapshot(app, controls, form)
  addAnsweringForms(app, controls, form)
}

function createErrorHandler(instance: Instance): ErrorHandler {
  return async (error, _request, reply) => {
    if (!isTooLong(error)) return showError(error, reply)
    const { sendPortalPage } = await loadPages()
    return sendPortalPage(instance, reply, {
      section: '',
      title: 'That is too long',
      status: 413,
      body: html`<p class="verdict">
        <span>A form takes up to ${maxFormBytes} bytes. Put it into a file.</span>
      </p>`,
    })
  }
}

/** The sections of the menu, but the live flow. */
function addPages(app: FastifyInstance, { controls, certificate, facts }: Portal, route: PageRoute): void {
  const { instance } = controls
  const page = (
    section: Section,
    title: string,
    lead: string | undefined,
    body: (pages: Pages, asked: Parameters) => Html | Promise<Html>,
  ): void => {
    app.get(`/_/${section}`, route, async (request, reply) => {
      const pages = await loadPages()
      const shown = await body(pages, readParameters(request.query))
      return pages.sendPortalPage(instance, reply, {
        section,
        title,
        ...(lead === undefined ? {} : { lead }),
        body: shown,
      })
    })
  }
  page(
    '',
    'Who may call whom',
    'Every application of this directory. A dashed arrow is a permission that is listed and not granted.',
    ({ overview }, asked) => overview(instance, asked),
  )
  page('inspect', 'Inspect a token', inspectLead, ({ inspectorPage }) => inspectorPage(controls, undefined))
  page('mint', 'Mint a token', mintLead, ({ mint }, asked) => mint(controls, asked, undefined))
  page('apps', 'Applications', 'Clients and APIs of the registration.', ({ applicationList }, asked) =>
    applicationList(instance, asked),
  )
  page('users', 'Users', 'Who can sign in, in every tenant.', ({ userList }, asked) =>
    userList(instance, asked),
  )
  page('consent', 'Consent', 'What is granted to whom, and what it comes to.', ({ consentMatrix }, asked) =>
    consentMatrix(controls, asked),
  )
  page('keys', 'Signing keys', undefined, ({ keyList }) => keyList(instance))
  page(
    'faults',
    'Faults and clock',
    'Make requests fail on purpose, and move the time.',
    ({ faultsAndClock }) => faultsAndClock(instance),
  )
  page('registration', 'Registration', undefined, ({ registrationPage }) => registrationPage(controls))
  page('state', 'State', 'This instance: what it keeps, and how strict it is.', ({ statePage }) =>
    statePage(instance, facts),
  )
  page('settings', 'Settings to copy', undefined, ({ settings }) => settings(instance, certificate))
  app.get('/_', (_request, reply) => reply.redirect('/_/', 302))
  app.get('/_/revocations', () => ({ revocations: controls.revocations() }))
  app.get('/_/suggest', route, async (request) => {
    const { suggestions } = await loadPages()
    return suggestions(instance, readParameters(request.query))
  })
}

const inspectLead =
  'What it is, who accepts it, and why not. Read on this machine only, never kept, never in an address.'
const mintLead = 'A token to try an API with: a good one, or one that the API must refuse.'

/** The pages of one application and of one user. */
function addDetailPages(app: FastifyInstance, instance: Instance, route: PageRoute): void {
  app.get<{ Params: { appId: string } }>('/_/apps/:appId', route, async (request, reply) => {
    const application = instance.directory.applications.get(request.params.appId.toLowerCase())
    if (application === undefined) return reply.callNotFound()
    const { applicationDetail, sendPortalPage } = await loadPages()
    return sendPortalPage(instance, reply, {
      section: 'apps',
      title: application.displayName,
      headline: nameText(application.displayName),
      body: applicationDetail(instance, application),
    })
  })
  app.get<{ Params: { id: string } }>('/_/users/:id', route, async (request, reply) => {
    const id = request.params.id.toLowerCase()
    const tenant = [...instance.directory.tenants.values()].find(({ users }) => users.has(id))
    const user = tenant?.users.get(id)
    if (tenant === undefined || user === undefined) return reply.callNotFound()
    const { sendPortalPage, userDetail } = await loadPages()
    return sendPortalPage(instance, reply, {
      section: 'users',
      title: user.displayName,
      headline: nameText(user.displayName),
      body: userDetail(instance, tenant, user),
    })
  })
}

/** Forms that make a change and redirect to the page that shows it. A TypeError is shown on a page. */
function addActions(app: FastifyInstance, controls: Controls, form: FormRoute): void {
  const { instance, users, keys } = controls
  const action = (path: string, usual: string, change: (sent: Parameters, pages: Pages) => unknown): void => {
    app.post(path, form, async (request, reply) => {
      const pages = await loadPages()
      const sent = pages.readAction(instance, request)
      const back = backTo(sent.get('back')) ?? usual
      try {
        await change(sent, pages)
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
        return pages.sendPortalPage(instance, reply, {
          section: '',
          title: 'That cannot be done',
          status: 400,
          body: html`<p class="verdict"><span class="no">${error.message}</span></p>
            <p><a class="button" href="${back}">Back</a></p>`,
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
  action('/_/users', '/_/users', (sent) => changeUser(users, sent))
  action('/_/grant', '/_/', (sent) => grant(controls, sent))
  action('/_/consent', '/_/consent', (sent) =>
    controls.revokeConsent({
      tenant: sent.require('tenant'),
      client: sent.require('client'),
      resource: sent.require('resource'),
      user: sent.get('user'),
      roles: sent.get('roles')?.split(' '),
    }),
  )
}

/** A page of this emulator, and never another address. */
function backTo(address: string | undefined): string | undefined {
  return address !== undefined && /^\/_\/[\w./?=&%#-]{0,500}$/.test(address) ? address : undefined
}

/** What a button of the overview names; or what is named, or everything that the client's registration lists of the API. */
function grant(controls: Controls, sent: Parameters): void {
  const [kind, tenant = '', client = '', resource = ''] = (sent.get('what') ?? '').split(' ')
  if (kind === 'assign') return controls.assignUser({ tenant, application: client })
  if (kind === 'grant') return controls.grantConsent({ tenant, client, resource })
  const words = (name: string): readonly string[] | undefined =>
    sent
      .get(name)
      ?.split(' ')
      .filter((word) => word !== '')
  const [scopes, roles] = [words('scopes'), words('roles')]
  const isNamed = scopes !== undefined || roles !== undefined
  controls.grantConsent({
    tenant: sent.require('tenant'),
    client: sent.require('client'),
    resource: sent.require('resource'),
    user: sent.get('user'),
    ...(isNamed ? { scopes: scopes ?? [], roles: roles ?? [] } : {}),
  })
}

/** The snapshot as a file. Never by GET: it holds private keys. */
function addSnapshot(app: FastifyInstance, controls: Controls, form: FormRoute): void {
  app.post('/_/state/snapshot', form, async (request, reply) => {
    const { readAction } = await loadPages()
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
    const { changeRegistration, readAction, sendPortalPage } = await loadPages()
    const changed = changeRegistration(controls, readAction(instance, request))
    return sendPortalPage(instance, reply, { section: 'registration', title: 'Registration', ...changed })
  })
  app.post('/_/mint', form, async (request, reply) => {
    const { mint, readAction, sendPortalPage } = await loadPages()
    const body = await mint(controls, readParameters({}), readAction(instance, request))
    return sendPortalPage(instance, reply, { section: 'mint', title: 'Mint a token', lead: mintLead, body })
  })
  app.post('/_/inspect', form, async (request, reply) => {
    const { inspectorPage, readAction, sendPortalPage } = await loadPages()
    const body = await inspectorPage(controls, readAction(instance, request))
    return sendPortalPage(instance, reply, {
      section: 'inspect',
      title: 'Inspect a token',
      lead: inspectLead,
      body,
    })
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
