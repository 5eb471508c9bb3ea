import { createHash, timingSafeEqual } from 'node:crypto'
import { EntraError } from '../base/errors.js'
import { isWithin } from '../base/period.js'
import type { Application, Platform, ServicePrincipal, Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import type { ClientAuthentication, TokenClient } from '../tokens/access-token.js'
import { checkAgentAssertion } from './agent-assertion.js'
import type { TokenRequest } from './request.js'

/** A client that is present in the tenant and authenticated as its type requires. */
export interface AuthenticatedClient extends TokenClient {
  readonly principal: ServicePrincipal
}

type Credential =
  | { readonly kind: 'none' }
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'assertion'; readonly assertion: string }

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A client that must have a credential. `missing` is the code for having sent none, which depends on the grant. */
export async function authenticateConfidentialClient(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  missing: 7000216 | 7000218,
): Promise<AuthenticatedClient> {
  // A page cannot keep a secret.
  if (request.origin !== undefined) throw new EntraError(9002326)
  const asItself = missing === 7000216
  const { application, principal, credential } = readClient(service, request, tenant, { asItself })
  if (credential.kind === 'none') throw new EntraError(missing)
  const authentication = await checkCredential(service, request, tenant, application, credential)
  return { application, principal, authentication }
}

/** A client in a flow without a redirect URI: its registration decides whether it is public. */
export async function authenticateDeviceClient(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
): Promise<AuthenticatedClient> {
  const { application, principal, credential } = readClient(service, request, tenant)
  if (!application.isFallbackPublicClient) {
    return authenticateConfidentialClient(service, request, tenant, 7000218)
  }
  if (credential.kind !== 'none') throw new EntraError(700025)
  return { application, principal, authentication: '0' }
}

/**
 * A client that redeems what it got at a redirect URI: the platform of that URI decides whether it has a credential.
 */
export async function authenticateClientOf(
  platform: Platform,
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
): Promise<AuthenticatedClient> {
  if (platform === 'web') return authenticateConfidentialClient(service, request, tenant, 7000218)
  const { application, principal, credential } = readClient(service, request, tenant)
  if (credential.kind !== 'none') throw new EntraError(700025)
  if (platform === 'spa' && request.origin === undefined) throw new EntraError(9002327)
  if (platform !== 'spa' && request.origin !== undefined) throw new EntraError(9002326)
  return { application, principal, authentication: '0' }
}

function readClient(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  kind: { asItself?: boolean } = {},
): { application: Application; principal: ServicePrincipal; credential: Credential } {
  const { clientId, credential } = readCredential(request)
  const application = service.directory.application(clientId, tenant.displayName)
  request.facts.clientId = application.appId
  return { application, principal: service.directory.clientIn(tenant, application, kind), credential }
}

/** RFC 6749 §2.3: one way of authenticating in one request. */
function readCredential({ form, authorization }: TokenRequest): { clientId: string; credential: Credential } {
  const basic = readBasic(authorization)
  const secret = form.get('client_secret')
  const assertion = form.get('client_assertion')
  const clientId = basic?.clientId ?? form.require('client_id')
  const ways = [basic, secret, assertion].filter((way) => way !== undefined)
  if (ways.length > 1 || (form.get('client_id') ?? clientId) !== clientId) throw new EntraError(9002313)
  if (basic !== undefined) return { clientId, credential: { kind: 'secret', secret: basic.secret } }
  if (secret !== undefined) return { clientId, credential: { kind: 'secret', secret } }
  if (assertion === undefined) return { clientId, credential: { kind: 'none' } }
  if (form.require('client_assertion_type') !== assertionType) throw new EntraError(9002313)
  return { clientId, credential: { kind: 'assertion', assertion } }
}

/** Both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
function readBasic(authorization: string | undefined): { clientId: string; secret: string } | undefined {
  if (authorization === undefined) return undefined
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  const [, id, secret] = /^([^:]+):(.+)$/.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? []
  if (id === undefined || secret === undefined) throw new EntraError(9002313)
  try {
    const [clientId, text] = [id, secret].map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    return { clientId: clientId ?? '', secret: text ?? '' }
  } catch {
    throw new EntraError(9002313)
  }
}

async function checkCredential(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  application: Application,
  credential: Exclude<Credential, { kind: 'none' }>,
): Promise<ClientAuthentication> {
  if (credential.kind === 'secret') {
    checkSecret(service, application, credential.secret)
    return '1'
  }
  const agent = tenant.agentIdentities.get(application.appId)
  if (agent !== undefined) {
    await checkAgentAssertion(service, tenant, agent, credential.assertion)
    return '2'
  }
  // Loaded at the first assertion: most clients have secrets, and loading jose is a sixth of the start-up time.
  const { checkClientAssertion } = await import('./client-assertion.js')
  await checkClientAssertion(service, request, tenant, application, credential.assertion)
  return '2'
}

function checkSecret(service: Service, application: Application, text: string): void {
  const digest = createHash('sha256').update(text).digest()
  const secret = application.secrets.find((candidate) => timingSafeEqual(candidate.digest, digest))
  if (secret === undefined) throw new EntraError(7000215, { client: application.appId })
  if (!isWithin(secret, service.clock.now())) throw new EntraError(7000222, { client: application.appId })
}
