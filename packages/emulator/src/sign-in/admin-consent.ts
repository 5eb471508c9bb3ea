import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readParameters } from '../base/parameters.js'
import { allRequired, type ConsentItem, requestedConsent } from '../directory/consent.js'
import { readScopeRequest } from '../directory/scope-request.js'
import type { Application, Tenant, Version } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { sendConsentPage } from '../pages/consent-page.js'
import { showError } from '../pages/error.js'
import { sendSignInPage } from '../pages/sign-in.js'
import { readUser } from './accounts.js'
import { consentLines, recordConsent } from './consent-step.js'
import { withApis } from './requested-scopes.js'
import { errorAnswer, readPlatform, type ReturnAddress, sendBack } from './return-address.js'
import { checkSameOrigin, openTransaction, sealTransaction } from './transaction.js'

interface AdminConsent extends ReturnAddress {
  /** Unique: every request of this consent has it. */
  readonly id: string
  readonly version: Version
  readonly segment: string
  readonly clientId: string
  readonly scope: string | undefined
}

interface SignedInAdmin {
  readonly request: AdminConsent
  readonly tenantId: string
  readonly userId: string
}

/** What an administrator is asked for: delegated scopes for all users, and application permissions. */
interface Wanted {
  readonly delegated: readonly ConsentItem[]
  readonly application: readonly { readonly resource: Application; readonly roles: readonly string[] }[]
}

/**
 * An administrator's consent for a whole tenant. It makes the application, and the APIs that know it, present there:
 * this is how a multi-tenant application enters another tenant.
 */
export function addAdminConsentEndpoint(app: FastifyInstance, service: Service): void {
  for (const version of ['1.0', '2.0'] as const) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST'],
      url: version === '1.0' ? '/:tenant/adminconsent' : '/:tenant/v2.0/adminconsent',
      config: { endpoint: 'adminConsent' },
      errorHandler: (error, _request, reply) => showError(error, reply),
      handler: async (request, reply) => {
        if (request.method === 'GET') {
          return start(service, reply, version, request.params.tenant, readParameters(request.query))
        }
        checkSameOrigin(service, request)
        const form = readParameters(request.body)
        const transaction = form.require('transaction')
        const started = openTransaction(service, 'admin-sign-in', transaction) as AdminConsent | undefined
        if (started !== undefined) return signIn(service, reply, started, form)
        const signedIn = openTransaction(service, 'admin-consent', transaction) as SignedInAdmin | undefined
        if (signedIn !== undefined) return consent(service, reply, signedIn, form)
        throw new EntraError(9002313)
      },
    })
  }
}

function start(
  service: Service,
  reply: FastifyReply,
  version: Version,
  segment: string,
  parameters: Parameters,
): FastifyReply {
  const { directory } = service
  const authority = directory.readAuthority(segment)
  const client = directory.application(parameters.require('client_id'), segment)
  const redirectUri = parameters.require('redirect_uri')
  readPlatform(client, redirectUri)
  if (version === '2.0') {
    parameters.require('scope', 90014)
    if (authority.kind === 'common') throw new EntraError(50059)
  }
  const request: AdminConsent = {
    id: randomUUID(),
    version,
    segment,
    clientId: client.appId,
    redirectUri,
    responseMode: 'query',
    state: parameters.get('state'),
    scope: version === '2.0' ? parameters.get('scope') : undefined,
  }
  reply.facts.startsFlow = true
  return askWho(service, reply, request)
}

/** The first page: who signs in? */
function askWho(service: Service, reply: FastifyReply, request: AdminConsent, find?: string): FastifyReply {
  const { directory } = service
  joinConsent(reply, request)
  return sendSignInPage(reply, {
    action: actionOf(request),
    transaction: sealTransaction(service, 'admin-sign-in', request),
    client: directory.application(request.clientId, request.segment),
    users: directory.usersOf(directory.readAuthority(request.segment)),
    hint: undefined,
    find,
    asked: { scope: request.scope, returnsTo: request.redirectUri },
  })
}

function signIn(
  service: Service,
  reply: FastifyReply,
  request: AdminConsent,
  form: Parameters,
): FastifyReply {
  const { directory } = service
  if (form.get('user') === undefined && form.get('search') !== undefined) {
    return askWho(service, reply, request, form.get('find'))
  }
  joinConsent(reply, request)
  const user = readUser(directory.usersOf(directory.readAuthority(request.segment)), form)
  const client = directory.application(request.clientId, request.segment)
  const tenant = directory.tenant(user.tenantId)
  if (!user.isAdmin) throw new EntraError(90094, { name: client.displayName })
  return orSendBack(service, reply, request, () => {
    const wanted = readWanted(service, tenant, client, request)
    return sendConsentPage(reply, {
      action: actionOf(request),
      transaction: sealTransaction(service, 'admin-consent', {
        request,
        tenantId: tenant.id,
        userId: user.id,
      }),
      client,
      user,
      lines: [
        ...consentLines(wanted.delegated),
        ...wanted.application.flatMap(({ resource, roles }) =>
          resource.roles
            .filter(({ value }) => roles.includes(value))
            .map(({ title }) => ({
              resource: resource.displayName,
              title,
              description: 'Without a signed-in user',
            })),
        ),
      ],
      audience: 'organization',
    })
  })
}

function consent(
  service: Service,
  reply: FastifyReply,
  { request, tenantId, userId }: SignedInAdmin,
  form: Parameters,
): FastifyReply {
  const { directory } = service
  joinConsent(reply, request)
  reply.facts.userId = userId
  const tenant = directory.tenant(tenantId)
  const client = directory.application(request.clientId, tenant.displayName)
  if (!tenant.users.get(userId)?.isAdmin) throw new EntraError(90094, { name: client.displayName })
  return orSendBack(service, reply, request, () => {
    if (form.require('consent') !== 'accept') throw new EntraError(65004)
    const wanted = readWanted(service, tenant, client, request)
    const principal = directory.addServicePrincipal(tenant, client)
    recordConsent(directory, tenant, wanted.delegated, undefined)
    for (const { resource, roles } of wanted.application) {
      directory.addServicePrincipal(tenant, resource)
      for (const role of roles) {
        directory.addAssignment(tenant, { principalId: principal.id, resourceAppId: resource.appId, role })
      }
    }
    void service.changed()
    return sendBack(reply, request, { admin_consent: 'True', tenant: tenant.id, scope: request.scope })
  })
}

/** v1.0 asks for all that is registered; v2.0 for what `scope` names, application permissions only by `.default`. */
function readWanted(service: Service, tenant: Tenant, client: Application, request: AdminConsent): Wanted {
  const { directory } = service
  if (client.audience === 'AzureADMyOrg') directory.clientIn(tenant, client)
  const application = client.requiredAccess.flatMap(({ resourceAppId, roles }) => {
    const resource = directory.applications.get(resourceAppId)
    return resource === undefined || roles.length === 0 ? [] : [{ resource, roles }]
  })
  const registered: Wanted = { delegated: allRequired(directory, client), application }
  for (const { client: asking, resource } of [
    ...registered.delegated,
    ...application.map((item) => ({ client, resource: item.resource })),
  ]) {
    checkReachable(service, tenant, asking, resource)
  }
  const wanted =
    request.scope === undefined ? registered : narrowed(service, tenant, client, request, registered)
  if (wanted.delegated.length === 0 && wanted.application.length === 0) throw new EntraError(1003031)
  return wanted
}

function narrowed(
  service: Service,
  tenant: Tenant,
  client: Application,
  { version, scope }: AdminConsent,
  registered: Wanted,
): Wanted {
  // The scopes may name APIs that only this consent brings into the tenant.
  const apis = [...registered.delegated, ...registered.application].map(({ resource }) => resource)
  const asked = readScopeRequest(service, withApis(tenant, apis), { version, scope, resource: undefined })
  if (asked.targets.some(({ scopes }) => scopes === '.default')) return registered
  return {
    delegated: asked.targets.flatMap((target) => requestedConsent(service.directory, client, target)),
    application: [],
  }
}

/** An API of another tenant must be present already, or list the client as known: then one consent brings in both. */
function checkReachable(
  { directory }: Service,
  tenant: Tenant,
  client: Application,
  resource: Application,
): void {
  if (tenant.servicePrincipals.has(resource.appId)) return
  if (resource.audience !== 'AzureADMyOrg' && resource.knownClients.has(client.appId)) return
  throw new EntraError(500011, {
    resource: resource.identifierUris[0] ?? resource.appId,
    tenant: directory.tenant(tenant.id).displayName,
  })
}

/** For the log: all steps of a consent are one flow. */
function joinConsent(reply: FastifyReply, { id, clientId }: AdminConsent): void {
  joinFlow(reply.facts, `sign-in ${id}`)
  reply.facts.clientId = clientId
}

function actionOf({ segment, version }: AdminConsent): string {
  return `/${encodeURIComponent(segment)}/${version === '1.0' ? '' : 'v2.0/'}adminconsent`
}

/** The answer of this endpoint has `admin_consent`, also if it is a refusal. */
function orSendBack(
  service: Service,
  reply: FastifyReply,
  address: ReturnAddress,
  step: () => FastifyReply,
): FastifyReply {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    reply.facts.refusal = error
    return sendBack(reply, address, { ...errorAnswer(service, reply, error), admin_consent: 'True' })
  }
}
