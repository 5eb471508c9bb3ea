import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Application, Authority, Platform, Tenant, User, Version } from '../directory.js'
import { EntraError } from '../errors.js'
import type { CodeContent } from '../grants/authorization-code.js'
import { sendConsentPage } from '../pages/consent.js'
import { sendSignInPage } from '../pages/sign-in.js'
import { type Parameters, readParameters } from '../parameters.js'
import {
  type ConsentItem,
  missingConsent,
  readScopeRequest,
  requestedConsent,
  type ScopeRequest,
} from '../permissions.js'
import type { Service } from '../service.js'
import { clientInfo } from '../tokens.js'
import { consentLines } from './consent-lines.js'
import {
  checkSameOrigin,
  errorAnswer,
  openTransaction,
  readPlatform,
  readUser,
  type ResponseMode,
  type ReturnAddress,
  sealTransaction,
  sendBack,
  showError,
} from './sign-in.js'

const codeLifetimeSeconds = 600

/** A request that was found to be in order, on its way through the pages. */
interface Authorization extends ReturnAddress {
  readonly version: Version
  readonly segment: string
  readonly clientId: string
  readonly platform: Platform
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly nonce: string | undefined
  readonly prompt: string | undefined
  readonly loginHint: string | undefined
  readonly withClientInfo: boolean
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: 'plain' | 'S256'
}

/** The same, with the user who signed in. */
interface SignedIn {
  readonly authorization: Authorization
  readonly userId: string
  readonly tenantId: string
}

/**
 * Sign-in for people and for tests: GET shows who may sign in, the form posts `user`, a consent form posts `consent`,
 * and the answer goes to the redirect URI. It all works without script.
 */
export function addAuthorizeEndpoint(app: FastifyInstance, service: Service): void {
  for (const version of ['1.0', '2.0'] as const) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST'],
      url: version === '1.0' ? '/:tenant/oauth2/authorize' : '/:tenant/oauth2/v2.0/authorize',
      errorHandler: (error, _request, reply) => showError(error, reply),
      handler: async (request, reply) => {
        const parameters = readParameters(request.method === 'POST' ? request.body : request.query)
        const transaction = request.method === 'POST' ? parameters.get('transaction') : undefined
        if (transaction === undefined)
          return start(service, reply, version, request.params.tenant, parameters)
        checkSameOrigin(service, request)
        const authorization = openTransaction(service, 'sign-in', transaction) as Authorization | undefined
        if (authorization !== undefined) return signIn(service, reply, authorization, parameters)
        const signedIn = openTransaction(service, 'consent', transaction) as SignedIn | undefined
        if (signedIn !== undefined) return consent(service, reply, signedIn, parameters)
        throw new EntraError(9002313)
      },
    })
  }
}

/** First step: checks the request and asks who signs in. */
function start(
  service: Service,
  reply: FastifyReply,
  version: Version,
  segment: string,
  parameters: Parameters,
): FastifyReply {
  const { directory } = service
  const authority = directory.readAuthority(segment)
  const client = readClient(service, authority, parameters.require('client_id'))
  const redirectUri = parameters.require('redirect_uri')
  const platform = readPlatform(client, redirectUri)
  const address: ReturnAddress = {
    redirectUri,
    responseMode: readResponseMode(parameters.get('response_mode')),
    state: parameters.get('state'),
  }
  return orSendBack(reply, address, () => {
    checkResponseType(parameters.require('response_type'))
    if (parameters.get('request') !== undefined || parameters.get('request_uri') !== undefined) {
      throw new EntraError(9002313)
    }
    if (version === '2.0') parameters.require('scope', 90014)
    const prompt = parameters.get('prompt')
    if (prompt === 'none') throw new EntraError(50058)
    const authorization: Authorization = {
      ...address,
      version,
      segment,
      clientId: client.appId,
      platform,
      scope: parameters.get('scope'),
      resource: parameters.get('resource'),
      nonce: parameters.get('nonce'),
      prompt,
      loginHint: parameters.get('login_hint'),
      withClientInfo: parameters.get('client_info') === '1',
      ...readChallenge(platform, parameters),
    }
    if (authority.kind === 'tenant') readScopeRequest(service, authority.tenant, authorization)
    return sendSignInPage(reply, {
      action: actionOf(authorization),
      transaction: sealTransaction(service, 'sign-in', authorization),
      client,
      users: directory.usersOf(authority),
      hint: authorization.loginHint,
    })
  })
}

/** Second step: a user was picked. What consent is there decides whether there is a third. */
function signIn(
  service: Service,
  reply: FastifyReply,
  authorization: Authorization,
  form: Parameters,
): FastifyReply {
  const { directory } = service
  const authority = directory.readAuthority(authorization.segment)
  const client = readClient(service, authority, authorization.clientId)
  const user = readUser(directory.usersOf(authority), form)
  const tenant = directory.tenant(user.tenantId)
  return orSendBack(reply, authorization, () => {
    const asked = readScopeRequest(service, tenant, authorization)
    const needed = neededConsent(service, tenant, client, user, asked, authorization.prompt)
    if (needed.length === 0) {
      // In a foreign tenant the first consent makes the application known there, even if it asks for sign-in alone.
      if (client.audience !== 'AzureADMyOrg') directory.addServicePrincipal(tenant, client)
      return sendCode(service, reply, authorization, user)
    }
    checkMayConsent(tenant, client, user, needed)
    const signedIn: SignedIn = { authorization, userId: user.id, tenantId: tenant.id }
    return sendConsentPage(reply, {
      action: actionOf(authorization),
      transaction: sealTransaction(service, 'consent', signedIn),
      client,
      user,
      lines: consentLines(needed),
      audience: user.isAdmin ? 'choice' : 'user',
    })
  })
}

/** Third step: the answer to the consent page. */
function consent(
  service: Service,
  reply: FastifyReply,
  { authorization, userId, tenantId }: SignedIn,
  form: Parameters,
): FastifyReply {
  const { directory } = service
  const tenant = directory.tenant(tenantId)
  const user = readUser(
    [...tenant.users.values()].filter(({ id }) => id === userId),
    readParameters({ user: userId }),
  )
  const client = directory.application(authorization.clientId, tenant.displayName)
  return orSendBack(reply, authorization, () => {
    if (form.require('consent') !== 'accept') throw new EntraError(65004)
    const asked = readScopeRequest(service, tenant, authorization)
    const needed = neededConsent(service, tenant, client, user, asked, authorization.prompt)
    checkMayConsent(tenant, client, user, needed)
    const isForAll = user.isAdmin && form.get('organization') === 'true'
    directory.addServicePrincipal(tenant, client)
    for (const item of needed) {
      directory.addServicePrincipal(tenant, item.client)
      directory.addServicePrincipal(tenant, item.resource)
      directory.addGrant(tenant, { ...item, userId: isForAll ? undefined : user.id })
    }
    return sendCode(service, reply, authorization, user)
  })
}

function sendCode(
  service: Service,
  reply: FastifyReply,
  authorization: Authorization,
  user: User,
): FastifyReply {
  const { version, segment, clientId, redirectUri, platform, scope, resource, nonce } = authorization
  const { codeChallenge, codeChallengeMethod } = authorization
  const content: CodeContent = {
    id: randomUUID(),
    version,
    segment,
    tenantId: user.tenantId,
    userId: user.id,
    clientId,
    redirectUri,
    platform,
    scope,
    resource,
    nonce,
    codeChallenge,
    codeChallengeMethod,
    expiresAt: service.clock.now() + codeLifetimeSeconds,
  }
  return sendBack(reply, authorization, {
    code: service.seal.seal('code', content),
    client_info: authorization.withClientInfo ? clientInfo(user) : undefined,
    session_state: randomUUID(),
  })
}

/** A client that is not multi-tenant signs in only at home; another needs no presence, consent creates it. */
function readClient({ directory }: Service, authority: Authority, clientId: string): Application {
  const directoryName = authority.kind === 'tenant' ? authority.tenant.displayName : authority.segment
  const client = directory.application(clientId, directoryName)
  if (client.audience !== 'AzureADMyOrg') return client
  if (authority.kind !== 'tenant') throw new EntraError(50194, { client: client.appId })
  return directory.clientIn(authority.tenant, client).application
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
  return targets.flatMap((target) =>
    again
      ? requestedConsent(directory, client, target)
      : missingConsent(directory, tenant, client, user, target),
  )
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

function readResponseMode(mode: string | undefined): ResponseMode {
  if (mode === undefined || mode === 'query' || mode === 'fragment' || mode === 'form_post')
    return mode ?? 'query'
  throw new EntraError(9002313)
}

function checkResponseType(responseType: string): void {
  if (responseType === 'code') return
  const words = responseType.split(' ')
  if (words.includes('id_token')) throw new EntraError(700054)
  throw new EntraError(words.includes('token') ? 700051 : 9002313)
}

/** RFC 7636 §4.3. Entra demands it of single-page applications only. */
function readChallenge(
  platform: Platform,
  parameters: Parameters,
): Pick<Authorization, 'codeChallenge' | 'codeChallengeMethod'> {
  const codeChallenge = parameters.get('code_challenge')
  const method = parameters.get('code_challenge_method') ?? 'plain'
  if (platform === 'spa' && codeChallenge === undefined) throw new EntraError(9002325)
  if (method !== 'plain' && method !== 'S256') throw new EntraError(9002313)
  if (codeChallenge !== undefined && !/^[\w.~-]{43,128}$/.test(codeChallenge)) throw new EntraError(501491)
  return { codeChallenge, codeChallengeMethod: method }
}

function actionOf({ segment, version }: Authorization): string {
  return `/${encodeURIComponent(segment)}/oauth2/${version === '1.0' ? '' : 'v2.0/'}authorize`
}

/** From here on the client is known and its address registered: refusals go back to it. */
function orSendBack(reply: FastifyReply, address: ReturnAddress, step: () => FastifyReply): FastifyReply {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    reply.errorCode = error.code
    return sendBack(reply, address, errorAnswer(error))
  }
}
