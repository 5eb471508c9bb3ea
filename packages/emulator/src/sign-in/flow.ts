import type { FastifyReply, FastifyRequest } from 'fastify'
import { consentLines } from './consent-lines.js'
import { openTransaction, readUser, sealTransaction, showError } from './transaction.js'
import {
  missingContexts,
  refusalOf,
  satisfy,
  unanswerable,
  unsatisfiedPolicies,
} from '../directory/conditional-access.js'
import {
  type Application,
  type Authority,
  type ConditionalAccessPolicy,
  consumersTenantId,
  type Tenant,
  type User,
  type Version,
} from '../directory/directory.js'
import { EntraError } from '../base/errors.js'
import { sendConsentPage } from '../pages/consent.js'
import { sendProofPage } from '../pages/proof.js'
import { sendSignInPage } from '../pages/sign-in.js'
import { type Parameters, readClaims } from '../base/parameters.js'
import {
  allRequired,
  type ConsentItem,
  missingConsent,
  readScopeRequestAtSignIn,
  requestedConsent,
  type ScopeRequest,
} from '../directory/permissions.js'
import type { Service } from '../instance/service.js'
import { type Session, startSession } from '../directory/sessions.js'
import { keepBrowserSession } from './browser-session.js'

/*
 * A person signs in: picks who they are, meets what Conditional Access demands, consents. Each step is a page with one
 * form, which carries the state sealed; it all works without script. Where it ends is the concern of who began it.
 */

/** A sign-in on its way through the pages. */
export interface Interaction {
  /** Where the forms of the pages are sent. */
  readonly action: string
  readonly version: Version
  readonly segment: string
  readonly clientId: string
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly claims: string | undefined
  readonly prompt: string | undefined
  readonly loginHint: string | undefined
  /** Registered with the one who began it, to find the end again. */
  readonly ending: unknown
}

/** The user who signed in, and how. */
export interface SignedIn {
  readonly tenant: Tenant
  readonly user: User
  readonly client: Application
  readonly session: Session
}

/** What begins sign-ins and knows how they end. */
export interface Beginner {
  /** Names the kind of transaction: one beginner's forms are of no use to another. */
  readonly kind: string
  finish(reply: FastifyReply, interaction: Interaction, signedIn: SignedIn): Promise<FastifyReply>
  refuse(reply: FastifyReply, interaction: Interaction, error: EntraError): FastifyReply
}

interface Step {
  readonly interaction: Interaction
  readonly tenantId: string
  readonly userId: string
  readonly session: Session
}

/** What is put before everything a step needs. */
interface Context {
  readonly service: Service
  readonly beginner: Beginner
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** First page: who signs in? */
export function askWho({ service, beginner, reply }: Context, interaction: Interaction): FastifyReply {
  const authority = service.directory.readAuthority(interaction.segment)
  const client = readSignInClient(service, authority, interaction.clientId)
  return sendSignInPage(reply, {
    action: interaction.action,
    transaction: sealTransaction(service, `${beginner.kind} sign-in`, interaction),
    client,
    users: usersFor(service, authority, client),
    hint: interaction.loginHint,
  })
}

/** Takes a form of one of the pages on to the next step. */
export async function continueInteraction(context: Context, form: Parameters): Promise<FastifyReply> {
  const { service, beginner } = context
  const transaction = form.require('transaction')
  const opened = (step: string): unknown => openTransaction(service, `${beginner.kind} ${step}`, transaction)

  const interaction = opened('sign-in') as Interaction | undefined
  if (interaction !== undefined) {
    const authority = service.directory.readAuthority(interaction.segment)
    const client = readSignInClient(service, authority, interaction.clientId)
    const user = readUser(service.directory.usersOf(authority), form)
    if (!usersFor(service, authority, client).includes(user)) {
      const { displayName } = service.directory.tenant(user.tenantId)
      throw new EntraError(50020, { user: user.userPrincipalName, tenant: displayName, client: client.appId })
    }
    const session = startSession(service.moment())
    keepBrowserSession(service, context.request, context.reply, user, session)
    return signedIn(context, interaction, user, session)
  }
  const proof = opened('proof') as (Step & { policies: string[]; contexts: string[] }) | undefined
  if (proof !== undefined) return proved(context, proof, form)
  const consent = opened('consent') as Step | undefined
  if (consent !== undefined) return consented(context, consent, form)
  throw new EntraError(9002313)
}

/** The user is known: by the page, or because the browser was signed in. */
export function signedIn(
  context: Context,
  interaction: Interaction,
  user: User,
  session: Session,
): Promise<FastifyReply> {
  const { service, beginner, reply } = context
  const tenant = service.directory.tenant(user.tenantId)
  const authority = service.directory.readAuthority(interaction.segment)
  reply.facts.userId = user.id
  return orRefuse(context, interaction, async () => {
    const client = readSignInClient(service, authority, interaction.clientId)
    const asked = readScopeRequestAtSignIn(service, tenant, client, interaction)
    const { policies, contexts } = openDemands(tenant, user, client, asked, session, interaction)
    if (policies.length > 0 || contexts.length > 0) {
      const resource = asked.targets[0]?.resource.application ?? client
      const [first] = policies
      if (interaction.prompt === 'none') {
        // The word of v1.0 is what both versions say at this endpoint.
        if (first !== undefined) throw refusalOf('1.0', first, policies, resource)
        throw new EntraError(50076, { resource: resource.appId }, { error: 'interaction_required' })
      }
      // What nobody can meet here is said to the person; the client hears nothing.
      const impossible = unanswerable(policies)
      if (impossible !== undefined) {
        return showError(refusalOf(interaction.version, impossible, policies, resource), reply)
      }
      const step = { interaction, tenantId: tenant.id, userId: user.id, session }
      return sendProofPage(reply, {
        action: interaction.action,
        transaction: sealTransaction(service, `${beginner.kind} proof`, {
          ...step,
          policies: policies.map(({ id }) => id),
          contexts,
        }),
        client,
        user,
        policies,
        contexts,
      })
    }
    return askConsent(context, interaction, { tenant, user, client, session }, asked)
  })
}

function proved(
  context: Context,
  {
    interaction,
    tenantId,
    userId,
    session,
    policies,
    contexts,
  }: Step & { policies: string[]; contexts: string[] },
  form: Parameters,
): Promise<FastifyReply> {
  const { service } = context
  const tenant = service.directory.tenant(tenantId)
  const user = readUserById(tenant, userId)
  if (form.require('proof') !== 'approve') {
    return orRefuse(context, interaction, () => {
      throw new EntraError(65004)
    })
  }
  const met = tenant.policies.filter(({ id }) => policies.includes(id))
  const stronger = satisfy(session, met, contexts)
  keepBrowserSession(service, context.request, context.reply, user, stronger)
  return signedIn(context, interaction, user, stronger)
}

function askConsent(
  context: Context,
  interaction: Interaction,
  signed: SignedIn,
  asked: ScopeRequest,
): Promise<FastifyReply> | FastifyReply {
  const { service, beginner, reply } = context
  const { directory } = service
  const { tenant, user, client, session } = signed
  const needed = neededConsent(service, tenant, client, user, asked, interaction.prompt)
  if (needed.length === 0) {
    // In a foreign tenant the first sign-in makes the application known there, even if it asks for nothing more.
    if (client.audience !== 'AzureADMyOrg') directory.addServicePrincipal(tenant, client)
    return finish(context, interaction, signed)
  }
  if (interaction.prompt === 'none') {
    throw new EntraError(
      65001,
      { client: client.appId, name: client.displayName },
      { error: 'interaction_required' },
    )
  }
  checkMayConsent(tenant, client, user, needed)
  return sendConsentPage(reply, {
    action: interaction.action,
    transaction: sealTransaction(service, `${beginner.kind} consent`, {
      interaction,
      tenantId: tenant.id,
      userId: user.id,
      session,
    }),
    client,
    user,
    lines: consentLines(needed),
    audience: user.isAdmin ? 'choice' : 'user',
  })
}

function consented(
  context: Context,
  { interaction, tenantId, userId, session }: Step,
  form: Parameters,
): Promise<FastifyReply> {
  const { service } = context
  const { directory } = service
  const tenant = directory.tenant(tenantId)
  const user = readUserById(tenant, userId)
  const client = directory.application(interaction.clientId, tenant.displayName)
  return orRefuse(context, interaction, async () => {
    if (form.require('consent') !== 'accept') throw new EntraError(65004)
    const asked = readScopeRequestAtSignIn(service, tenant, client, interaction)
    const needed = neededConsent(service, tenant, client, user, asked, interaction.prompt)
    checkMayConsent(tenant, client, user, needed)
    const isForAll = user.isAdmin && form.get('organization') === 'true'
    directory.addServicePrincipal(tenant, client)
    for (const item of needed) {
      directory.addServicePrincipal(tenant, item.client)
      directory.addServicePrincipal(tenant, item.resource)
      directory.addGrant(tenant, { ...item, userId: isForAll ? undefined : user.id })
    }
    service.changed()
    return finish(context, interaction, { tenant, user, client, session })
  })
}

function finish(
  { service, beginner, request, reply }: Context,
  interaction: Interaction,
  signed: SignedIn,
): Promise<FastifyReply> {
  keepBrowserSession(service, request, reply, signed.user, signed.session, signed.client.appId)
  return beginner.finish(reply, interaction, signed)
}

function openDemands(
  tenant: Tenant,
  user: User,
  client: Application,
  { targets }: ScopeRequest,
  session: Session,
  interaction: Interaction,
): { policies: ConditionalAccessPolicy[]; contexts: string[] } {
  const claims = readClaims(interaction.claims)
  const resources = targets.map(({ resource }) => resource.application)
  return {
    policies: unsatisfiedPolicies(tenant, { user, client, resources }, session, claims),
    contexts: missingContexts(tenant, session, claims),
  }
}

/** A client that is not multi-tenant signs in only at home; another needs no presence, consent creates it. */
export function readSignInClient(
  { directory }: Service,
  authority: Authority,
  clientId: string,
): Application {
  const directoryName = authority.kind === 'tenant' ? authority.tenant.displayName : authority.segment
  const client = directory.application(clientId, directoryName)
  const isConsumers = authority.kind === 'tenant' && authority.tenant.id === consumersTenantId
  if (client.audience === 'PersonalMicrosoftAccount' && !isConsumers && authority.kind !== 'common') {
    throw new EntraError(9002331, { client: client.appId })
  }
  if (isConsumers && !takesPersonalAccounts(client)) throw new EntraError(9002332, { client: client.appId })
  if (client.audience !== 'AzureADMyOrg') return client
  if (authority.kind !== 'tenant') throw new EntraError(50194, { client: client.appId })
  return directory.clientIn(authority.tenant, client).application
}

/** Who may sign in to an application under an authority. */
export function usersFor({ directory }: Service, authority: Authority, client: Application): User[] {
  return directory.usersOf(authority).filter(({ tenantId }) => {
    if (tenantId === consumersTenantId) return takesPersonalAccounts(client)
    return client.audience !== 'PersonalMicrosoftAccount'
  })
}

function takesPersonalAccounts({ audience }: Application): boolean {
  return audience === 'AzureADandPersonalMicrosoftAccount' || audience === 'PersonalMicrosoftAccount'
}

function neededConsent(
  { directory }: Service,
  tenant: Tenant,
  client: Application,
  user: User,
  { targets }: ScopeRequest,
  prompt: string | undefined,
): ConsentItem[] {
  const again = prompt === 'consent' || prompt === 'admin_consent'
  return targets.flatMap((target) => {
    if (again) return requestedConsent(directory, client, target)
    // An API that is not there yet can have no grant: all that is registered is asked for.
    const isPresent = tenant.servicePrincipals.has(target.resource.application.appId)
    return isPresent
      ? missingConsent(directory, tenant, client, user, target)
      : allRequired(directory, client, target.resource.application)
  })
}

function checkMayConsent(
  tenant: Tenant,
  client: Application,
  user: User,
  needed: readonly ConsentItem[],
): void {
  if (user.isAdmin) return
  const isForAdmins = needed.some(({ resource, scopes }) =>
    resource.scopes.some(({ value, adminOnly }) => adminOnly && scopes.includes(value)),
  )
  if (isForAdmins || !tenant.usersMayConsent) throw new EntraError(90094, { name: client.displayName })
}

function readUserById(tenant: Tenant, userId: string): User {
  const user = tenant.users.get(userId)
  if (user === undefined) throw new EntraError(70000, { parameter: 'user' })
  if (!user.isEnabled) throw new EntraError(50057)
  return user
}

/** From here on the client is known and its address registered: refusals go to where the sign-in ends. */
async function orRefuse(
  { beginner, reply }: Context,
  interaction: Interaction,
  step: () => Promise<FastifyReply> | FastifyReply,
): Promise<FastifyReply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    reply.facts.errorCode = error.code
    return beginner.refuse(reply, interaction, error)
  }
}
