import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readClaims, readParameters } from '../base/parameters.js'
import { isHinted } from '../directory/lookup.js'
import type { Application, Authority, Platform, Version } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { showError } from '../pages/error.js'
import type { CodeContent } from '../token-endpoint/authorization-code.js'
import { clientInfo, issueIdToken } from '../tokens/id-token.js'
import { readSignInClient, usersFor } from './accounts.js'
import { readBrowserSessions, sessionOf } from './browser-session.js'
import {
  askWho,
  continueInteraction,
  type Interaction,
  joinSignIn,
  signedIn,
  type SignInKind,
} from './flow.js'
import { readScopeRequestAtSignIn, withKnownApis } from './requested-scopes.js'
import {
  errorAnswer,
  readPlatform,
  type ResponseMode,
  type ReturnAddress,
  sendBack,
} from './return-address.js'
import { checkSameOrigin } from './transaction.js'

const codeLifetimeSeconds = 600

/** What the client gets at the end, and at which address. */
interface Ending extends ReturnAddress {
  readonly platform: Platform
  readonly responseTypes: readonly ('code' | 'id_token')[]
  readonly nonce: string | undefined
  readonly withClientInfo: boolean
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: 'plain' | 'S256'
}

/** Sign-in that ends at a redirect URI, with a code, an id token, or a refusal. */
export function addAuthorizeEndpoint(app: FastifyInstance, service: Service): void {
  const kind: SignInKind = {
    name: 'authorize',
    async finish(reply, interaction, { user, client, tenant, session }) {
      const ending = interaction.ending as Ending
      const { responseTypes, withClientInfo, nonce } = ending
      const content = codeContent(service, interaction, ending, user, session)
      joinFlow(reply.facts, `code ${content.id}`)
      joinFlow(reply.facts, `session ${session.id} ${client.appId}`)
      const code = responseTypes.includes('code') ? service.seal.seal('code', content) : undefined
      const idToken = responseTypes.includes('id_token')
        ? await issueIdToken(service, {
            version: interaction.version,
            tenant,
            client,
            user,
            session,
            roles: service.directory.userRoles(tenant, user, client),
            nonce,
            signIn: readScopeRequestAtSignIn(service, tenant, client, interaction).signIn,
            atSignIn: { code },
          })
        : undefined
      return sendBack(reply, ending, {
        code,
        id_token: idToken,
        client_info: withClientInfo ? clientInfo(user) : undefined,
        session_state: session.id,
      })
    },
    returnsTo: ({ ending }) => (ending as Ending).redirectUri,
    refuse(reply, interaction, error) {
      return sendBack(reply, interaction.ending as Ending, errorAnswer(service, reply, error))
    },
  }
  for (const version of ['1.0', '2.0'] as const) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST'],
      url: version === '1.0' ? '/:tenant/oauth2/authorize' : '/:tenant/oauth2/v2.0/authorize',
      config: { endpoint: 'authorize' },
      errorHandler: (error, _request, reply) => showError(error, reply),
      handler: async (request, reply) => {
        const parameters = readParameters(request.method === 'POST' ? request.body : request.query)
        if (request.method === 'GET' || parameters.get('transaction') === undefined) {
          return start({ service, kind, request, reply }, version, request.params.tenant, parameters)
        }
        checkSameOrigin(service, request)
        return continueInteraction({ service, kind, request, reply }, parameters)
      },
    })
  }
}

/** Checks the request; then asks who signs in, unless the browser is signed in already. */
async function start(
  context: { service: Service; kind: SignInKind; request: FastifyRequest; reply: FastifyReply },
  version: Version,
  segment: string,
  parameters: Parameters,
): Promise<FastifyReply> {
  const { service, reply } = context
  const { directory } = service
  const authority = directory.readAuthority(segment)
  const client = readSignInClient(service, authority, parameters.require('client_id'))
  const redirectUri = parameters.require('redirect_uri')
  const platform = readPlatform(client, redirectUri)
  const responseTypes = (parameters.get('response_type') ?? 'code').split(' ').filter((word) => word !== '')
  const address: ReturnAddress = {
    redirectUri,
    responseMode: readResponseMode(parameters.get('response_mode'), responseTypes),
    state: parameters.get('state'),
  }
  try {
    parameters.require('response_type')
    if (parameters.get('request') !== undefined || parameters.get('request_uri') !== undefined) {
      throw new EntraError(9002313)
    }
    if (version === '2.0') parameters.require('scope')
    const ending: Ending = {
      ...address,
      platform,
      responseTypes: readResponseTypes(client, responseTypes),
      nonce: parameters.get('nonce'),
      withClientInfo: parameters.get('client_info') === '1',
      ...readChallenge(platform, parameters),
    }
    if (ending.responseTypes.includes('id_token')) parameters.require('nonce', 90014)
    const interaction: Interaction = {
      id: randomUUID(),
      action: `/${encodeURIComponent(segment)}/oauth2/${version === '1.0' ? '' : 'v2.0/'}authorize`,
      version,
      segment,
      clientId: client.appId,
      scope: parameters.get('scope'),
      resource: parameters.get('resource'),
      claims: parameters.get('claims'),
      prompt: parameters.get('prompt'),
      loginHint: parameters.get('login_hint'),
      ending,
    }
    reply.facts.startsFlow = true
    joinSignIn(reply, interaction)
    readClaims(interaction.claims)
    if (authority.kind === 'tenant') checkScopes(service, authority, client, interaction)
    return await enter(context, interaction, authority, client)
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    reply.facts.refusal = error
    return sendBack(reply, address, errorAnswer(service, reply, error))
  }
}

/** Single sign-on: with exactly one account that fits, no page is shown; with `prompt=none` never. */
async function enter(
  context: { service: Service; kind: SignInKind; request: FastifyRequest; reply: FastifyReply },
  interaction: Interaction,
  authority: Authority,
  client: Application,
): Promise<FastifyReply> {
  const { service, request } = context
  const { prompt, loginHint } = interaction
  if (prompt === 'login' || prompt === 'select_account') return askWho(context, interaction)
  const sessions = readBrowserSessions(service, request)
  const accounts = usersFor(service, authority, client).flatMap((user) => {
    const found = sessionOf(sessions, user)
    const isMeant = loginHint === undefined || isHinted(user, loginHint)
    return found !== undefined && isMeant ? [{ user, session: found.session }] : []
  })
  const [account] = accounts
  if (account !== undefined && accounts.length === 1) {
    return signedIn(context, interaction, account.user, account.session)
  }
  if (prompt === 'none') throw new EntraError(accounts.length === 0 ? 50058 : 16000)
  return askWho(context, interaction)
}

/** Refuses wrong scopes before the user signs in, where the tenant is known. */
function checkScopes(
  service: Service,
  authority: Extract<Authority, { kind: 'tenant' }>,
  client: Application,
  interaction: Interaction,
): void {
  const tenant = withKnownApis(service.directory, authority.tenant, client)
  readScopeRequestAtSignIn(service, tenant, client, interaction)
}

function codeContent(
  service: Service,
  { version, segment, clientId, scope, resource }: Interaction,
  { redirectUri, platform, nonce, codeChallenge, codeChallengeMethod }: Ending,
  user: { readonly id: string; readonly tenantId: string },
  session: CodeContent['session'],
): CodeContent {
  return {
    id: randomUUID(),
    version,
    segment,
    tenantId: user.tenantId,
    userId: user.id,
    clientId,
    redirectUri,
    platform,
    session,
    scope,
    resource,
    nonce,
    codeChallenge,
    codeChallengeMethod,
    expiresAt: service.clock.now() + codeLifetimeSeconds,
  }
}

function readResponseMode(mode: string | undefined, responseTypes: readonly string[]): ResponseMode {
  const isSecret = responseTypes.includes('id_token') || responseTypes.includes('token')
  if (mode === undefined) return isSecret ? 'fragment' : 'query'
  // A token in a query would end up in logs and histories.
  if (mode === 'fragment' || mode === 'form_post' || (mode === 'query' && !isSecret)) return mode
  throw new EntraError(9002313)
}

function readResponseTypes(client: Application, responseTypes: readonly string[]): ('code' | 'id_token')[] {
  if (responseTypes.includes('token')) throw new EntraError(700051)
  if (responseTypes.includes('id_token') && !client.issuesIdTokenAtSignIn) throw new EntraError(700054)
  const known = responseTypes.filter((word) => word === 'code' || word === 'id_token')
  if (known.length !== responseTypes.length || known.length === 0) throw new EntraError(9002313)
  return known
}

/** RFC 7636 §4.3. Entra demands it of single-page applications only. */
function readChallenge(
  platform: Platform,
  parameters: Parameters,
): Pick<Ending, 'codeChallenge' | 'codeChallengeMethod'> {
  const codeChallenge = parameters.get('code_challenge')
  const method = parameters.get('code_challenge_method') ?? 'plain'
  if (platform === 'spa' && codeChallenge === undefined) throw new EntraError(9002325)
  if (method !== 'plain' && method !== 'S256') throw new EntraError(9002313)
  if (codeChallenge !== undefined && !/^[\w.~-]{43,128}$/.test(codeChallenge)) throw new EntraError(501491)
  return { codeChallenge, codeChallengeMethod: method }
}
