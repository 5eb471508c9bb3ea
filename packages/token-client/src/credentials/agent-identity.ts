import type * as oauth from 'oauth4webapi' with { 'resolution-mode': 'import' }
import { isTokenClientError, TokenClientError } from '../base/errors.js'
import { isGuid } from '../base/identifiers.js'
import { badOption, checkNames, checkObject } from '../base/options-reader.js'
import { isLoopback } from '../base/secure-url.js'
import { readTokenAnswer } from '../token-answers/token-answer.js'
import { type ClientCredential, clientAt, fetchOf, keepAnswer, timeOf } from './client-credential.js'

/** The options of `agentIdentity`. */
export interface AgentIdentityOptions {
  /** The client id of the blueprint: the application that has the credentials of its agents. */
  readonly blueprintId: string
  /** How the blueprint authenticates. */
  readonly credential: ClientCredential
  /** The cloud of the tenant. Default: `global`. */
  readonly cloud?: 'global' | 'usGovernment' | 'china' | undefined
}

/** What tokens for exchange are requested for. */
export const exchangeResources = {
  global: 'api://AzureADTokenExchange',
  usGovernment: 'api://AzureADTokenExchangeUSGov',
  china: 'api://AzureADTokenExchangeChina',
} as const

// Shared by all copies of this package, so that a credential of one copy works with a client of another.
const agentCloud: unique symbol = Symbol.for('@countersign/token-client:agent-cloud')

type AgentCredential = ClientCredential & { readonly [agentCloud]: keyof typeof exchangeResources }

interface ExchangeToken {
  readonly text: string
  readonly usableUntil: number
}

const marginSeconds = 60
const maxTokens = 1000

/**
 * The credential of an agent identity (Entra Agent ID): an agent has none of its own, its blueprint vouches for it. The
 * client's `clientId` is the agent's. Each token request of the agent carries a token that the blueprint acquires for it in
 * the same tenant (`fmi_path`), which is cached. Needs Entra's v2.0 endpoint. Throws `TypeError` for ids that are no GUIDs. An
 * agent whose id is that of its blueprint is refused when a token is acquired. Source: "Agent identities: OAuth protocols".
 *
 * @example
 * ```ts
 * import { agentIdentity, createTokenClient, entraAuthority, managedIdentity } from '@countersign/token-client'
 *
 * const agent = createTokenClient({
 *   authority: entraAuthority({ tenantId: '0f1e2d3c-4b5a-4678-8901-23456789abcd', version: '2.0' }),
 *   clientId: '33333333-3333-4333-8333-333333333333',
 *   credential: agentIdentity({
 *     blueprintId: '22222222-2222-4222-8222-222222222222',
 *     credential: managedIdentity({ environment: process.env }).credential,
 *   }),
 * })
 * const { accessToken } = await agent.acquireForApp({ resource: 'api://orders' })
 * ```
 */
export function agentIdentity(options: AgentIdentityOptions): ClientCredential {
  checkObject('agentIdentity', options)
  checkNames('agentIdentity', options, ['blueprintId', 'credential', 'cloud'])
  const { credential, cloud = 'global' }: AgentIdentityOptions = options
  const blueprintId: unknown = options.blueprintId
  if (!isGuid(blueprintId))
    throw badOption('agentIdentity', 'blueprintId', 'must be the client id of the blueprint, a GUID')
  if (typeof credential !== 'function') {
    throw badOption(
      'agentIdentity',
      'credential',
      "must be the blueprint's: made by managedIdentity, clientCertificate …",
    )
  }
  if (isAgentCredential(credential)) {
    throw badOption(
      'agentIdentity',
      'credential',
      "must be the blueprint's own: an agent cannot vouch for another",
    )
  }
  if (!Object.hasOwn(exchangeResources, cloud)) {
    throw badOption('agentIdentity', 'cloud', 'must be global, usGovernment or china')
  }
  const blueprint = {
    blueprintId: blueprintId.toLowerCase(),
    credential,
    scope: `${exchangeResources[cloud]}/.default`,
  }
  const tokens = new Map<string, Promise<ExchangeToken>>()

  const present: ClientCredential = async (server, client, body) => {
    checkAgent(server, client, blueprint.blueprintId)
    const key = `${server.token_endpoint} ${client.client_id}`
    let token = await tokens.get(key)?.catch(() => undefined)
    if (token === undefined || timeOf(client) >= token.usableUntil) {
      const requested = vouchFor(server, client, blueprint)
      tokens.delete(key)
      tokens.set(key, requested)
      if (tokens.size > maxTokens) tokens.delete(tokens.keys().next().value!)
      token = await requested
    }
    body.set('client_id', client.client_id)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', token.text)
  }
  return Object.assign(present, { [agentCloud]: cloud })
}

/** What an agent requests to act as its user account; `undefined` for another credential than an agent's. */
export function exchangeResourceOf(credential: ClientCredential): string | undefined {
  return isAgentCredential(credential) ? exchangeResources[credential[agentCloud]] : undefined
}

function isAgentCredential(credential: ClientCredential): credential is AgentCredential {
  return agentCloud in credential
}

function checkAgent(
  server: oauth.AuthorizationServer,
  { client_id }: oauth.Client,
  blueprintId: string,
): void {
  const reason = !isGuid(client_id)
    ? 'clientId must be the id of the agent identity, a GUID'
    : client_id.toLowerCase() === blueprintId
      ? 'clientId must be the id of the agent identity, not of its blueprint'
      : !server.token_endpoint!.endsWith('/oauth2/v2.0/token')
        ? "agent identities need entraAuthority with version '2.0'"
        : undefined
  if (reason !== undefined) throw new TokenClientError('client_credential_unusable', { reason })
}

/** The token by which the blueprint vouches for the agent. Its audience is the blueprint. */
async function vouchFor(
  server: oauth.AuthorizationServer,
  agent: oauth.Client,
  { blueprintId, credential, scope }: { blueprintId: string; credential: ClientCredential; scope: string },
): Promise<ExchangeToken> {
  const oauth = await import('oauth4webapi')
  const now = timeOf(agent)
  const fetch = fetchOf(agent)
  try {
    const response = await oauth.genericTokenEndpointRequest(
      server,
      clientAt(oauth, blueprintId, now, fetch),
      credential,
      'client_credentials',
      { scope, fmi_path: agent.client_id },
      {
        [oauth.customFetch]: fetch,
        [oauth.allowInsecureRequests]: isLoopback(new URL(server.token_endpoint!)),
      },
    )
    const { accessToken, expiresInSeconds } = await readTokenAnswer(response, 'app', now)
    return {
      text: accessToken,
      usableUntil: now + expiresInSeconds - Math.min(marginSeconds, expiresInSeconds / 10),
    }
  } catch (error) {
    throw isTokenClientError(error) ? keepAnswer(error) : error
  }
}
