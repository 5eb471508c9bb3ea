import type { FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readClaims } from '../base/parameters.js'
import {
  missingContexts,
  refusalOf,
  satisfy,
  unanswerable,
  unsatisfiedPolicies,
} from '../directory/conditional-access.js'
import type { ScopeRequest } from '../directory/scope-request.js'
import { type Session, startSession } from '../directory/sessions.js'
import type { Application, ConditionalAccessPolicy, Tenant, User, Version } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { joinFlow } from '../instance/request-log.js'
import { sendConsentPage } from '../pages/consent-page.js'
import { showError } from '../pages/error.js'
import { sendProofPage } from '../pages/proof.js'
import { sendSignInPage } from '../pages/sign-in.js'
import { readSignInClient, readUser, readUserById, usersFor } from './accounts.js'
import { keepBrowserSession } from './browser-session.js'
import { checkMayConsent, consentLines, neededConsent, recordConsent } from './consent-step.js'
import { readScopeRequestAtSignIn } from './requested-scopes.js'
import { openTransaction, sealTransaction } from './transaction.js'

/*
 * A user signs in: chooses an account, meets what Conditional Access demands, consents. Each step is a page with one
 * form, which contains the state sealed; it all works without script. Where it ends depends on the kind of sign-in.
 */

/** A sign-in that is in progress. */
export interface Interaction {
  /** Unique: every request of this sign-in has it. */
  readonly id: string
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
  /** What the kind of sign-in needs to end it. */
  readonly ending: unknown
}

/** The user who signed in, and how. */
export interface SignedIn {
  readonly tenant: Tenant
  readonly user: User
  readonly client: Application
  readonly session: Session
}

/** A kind of sign-in: where it ends. */
export interface SignInKind {
  /** Part of every transaction: the forms of one kind are not accepted by another. */
  readonly name: string
  finish(reply: FastifyReply, interaction: Interaction, signedIn: SignedIn): Promise<FastifyReply>
  refuse(reply: FastifyReply, interaction: Interaction, error: EntraError): FastifyReply
  /** The address that gets the answer, to be shown. */
  returnsTo?(interaction: Interaction): string
}

interface Step {
  readonly interaction: Interaction
  readonly tenantId: string
  readonly userId: string
  readonly session: Session
}

/** A sign-in whose user is asked to meet demands: the policies by id. */
interface ProofStep extends Step {
  readonly policies: readonly string[]
  readonly contexts: readonly string[]
}

/** What Conditional Access still demands of a sign-in. */
interface Demands {
  readonly policies: readonly ConditionalAccessPolicy[]
  readonly contexts: readonly string[]
}

/** What every step works with. */
interface Context {
  readonly service: Service
  readonly kind: SignInKind
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** First page: who signs in? `find` narrows the users down to those with these words in their names. */
export function askWho(
  { service, kind, reply }: Context,
  interaction: Interaction,
  find?: string,
): FastifyReply {
  const authority = service.directory.readAuthority(interaction.segment)
  const client = readSignInClient(service, authority, interaction.clientId)
  return sendSignInPage(reply, {
    action: interaction.action,
    transaction: sealTransaction(service, `${kind.name} sign-in`, interaction),
    client,
    users: usersFor(service, authority, client),
    hint: interaction.loginHint,
    find,
    asked: { scope: interaction.scope ?? interaction.resource, returnsTo: kind.returnsTo?.(interaction) },
  })
}

/** Reads a form of one of the pages and continues with the next step. */
export async function continueInteraction(context: Context, form: Parameters): Promise<FastifyReply> {
  const { service, kind } = context
  const transaction = form.require('transaction')
  const opened = (step: string): unknown => openTransaction(service, `${kind.name} ${step}`, transaction)

  const interaction = opened('sign-in') as Interaction | undefined
  if (interaction !== undefined) {
    joinSignIn(context.reply, interaction)
    if (form.get('user') === undefined && form.get('search') !== undefined) {
      return askWho(context, interaction, form.get('find'))
    }
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
  const proof = opened('proof') as ProofStep | undefined
  if (proof !== undefined) {
    joinSignIn(context.reply, proof.interaction)
    return proved(context, proof, form)
  }
  const consent = opened('consent') as Step | undefined
  if (consent !== undefined) {
    joinSignIn(context.reply, consent.interaction)
    return consented(context, consent, form)
  }
  throw new EntraError(9002313)
}

/** For the log: all steps of a sign-in are one flow, and name its client. */
export function joinSignIn(reply: FastifyReply, { id, clientId }: Interaction): void {
  joinFlow(reply.facts, `sign-in ${id}`)
  reply.facts.clientId = clientId
}

/** Continues once the user is known: from the page, or because the browser was signed in. */
export async function signedIn(
  context: Context,
  interaction: Interaction,
  user: User,
  session: Session,
): Promise<FastifyReply> {
  const { service, reply } = context
  const tenant = service.directory.tenant(user.tenantId)
  const authority = service.directory.readAuthority(interaction.segment)
  reply.facts.userId = user.id
  const principal = tenant.servicePrincipals.get(interaction.clientId)
  // On a page, as Entra does: the client gets no answer.
  if (principal?.isEnabled === false) {
    const { appId, displayName } = principal.application
    return showError(new EntraError(7000112, { client: appId, name: displayName }), reply)
  }
  return orRefuse(context, interaction, async () => {
    const client = readSignInClient(service, authority, interaction.clientId)
    const asked = readScopeRequestAtSignIn(service, tenant, client, interaction)
    const signed = { tenant, user, client, session }
    const demands = openDemands(signed, asked, interaction)
    if (demands.policies.length > 0 || demands.contexts.length > 0) {
      return askProof(context, interaction, signed, asked, demands)
    }
    return askConsent(context, interaction, signed, asked)
  })
}

/** Conditional Access demands something that this sign-in does not have: asks the user to meet it. */
function askProof(
  { service, kind, reply }: Context,
  interaction: Interaction,
  { tenant, user, client, session }: SignedIn,
  asked: ScopeRequest,
  { policies, contexts }: Demands,
): FastifyReply {
  const resource = asked.targets[0]?.resource.application ?? client
  const [first] = policies
  if (interaction.prompt === 'none') {
    // The `error` of v1.0 is what both versions answer at this endpoint.
    if (first !== undefined) throw refusalOf('1.0', first, policies, resource)
    throw new EntraError(50076, { resource: resource.appId }, { error: 'interaction_required' })
  }
  // A demand that cannot be met here is shown to the user; the client gets no answer.
  const impossible = unanswerable(policies)
  if (impossible !== undefined) {
    return showError(refusalOf(interaction.version, impossible, policies, resource), reply)
  }
  const proof: ProofStep = {
    interaction,
    tenantId: tenant.id,
    userId: user.id,
    session,
    policies: policies.map(({ id }) => id),
    contexts,
  }
  return sendProofPage(reply, {
    action: interaction.action,
    transaction: sealTransaction(service, `${kind.name} proof`, proof),
    client,
    user,
    policies,
    contexts,
  })
}

function proved(
  context: Context,
  { interaction, tenantId, userId, session, policies, contexts }: ProofStep,
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
  const { service, kind, reply } = context
  const { directory } = service
  const { tenant, user, client, session } = signed
  const needed = neededConsent(service, tenant, client, user, asked, interaction.prompt)
  if (needed.length === 0) {
    // The first sign-in in another tenant makes the application present there, even if it needs no consent.
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
    transaction: sealTransaction(service, `${kind.name} consent`, {
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
    recordConsent(directory, tenant, needed, isForAll ? undefined : user.id)
    void service.changed()
    return finish(context, interaction, { tenant, user, client, session })
  })
}

function finish(
  { service, kind, request, reply }: Context,
  interaction: Interaction,
  signed: SignedIn,
): Promise<FastifyReply> {
  keepBrowserSession(service, request, reply, signed.user, signed.session, signed.client.appId)
  return kind.finish(reply, interaction, signed)
}

function openDemands(
  { tenant, user, client, session }: SignedIn,
  { targets }: ScopeRequest,
  interaction: Interaction,
): Demands {
  const claims = readClaims(interaction.claims)
  const resources = targets.map(({ resource }) => resource.application)
  return {
    policies: unsatisfiedPolicies(tenant, { user, client, resources }, session, claims),
    contexts: missingContexts(tenant, session, claims),
  }
}

/** The client is known and its address registered: a refusal goes to where the sign-in ends. */
async function orRefuse(
  { kind, reply }: Context,
  interaction: Interaction,
  step: () => Promise<FastifyReply> | FastifyReply,
): Promise<FastifyReply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    reply.facts.refusal = error
    return kind.refuse(reply, interaction, error)
  }
}
