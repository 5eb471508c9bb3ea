import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type Parameters, readClaims, readParameters } from '../base/parameters.js'
import type { ManagedIdentity, Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { applicationClaims, issueAccessToken } from '../tokens/access-token.js'
import { mappedClaimsOf } from '../tokens/mapped-claims.js'

interface Machine {
  readonly tenant: Tenant
  readonly identity: ManagedIdentity
}

/**
 * The address a machine in Azure asks for tokens of its own identity, in the two common shapes: that of virtual
 * machines (IMDS) and that of App Service. `identityHeader` is the secret that App Service passes to its application.
 */
export function addManagedIdentityEndpoints(
  app: FastifyInstance,
  service: Service,
  identityHeader: string,
): void {
  const config = { config: { endpoint: 'managedIdentity' } } as const

  app.get('/metadata/identity/oauth2/token', config, async (request, reply) => {
    // Without the header another site could make this machine send the request (SSRF).
    if (request.headers['metadata'] !== 'true') return refuse(reply, 'Required metadata header not specified')
    const parameters = readParameters(request.query)
    if (parameters.get('api-version') === undefined)
      return refuse(reply, "Required query variable 'api-version' is missing")
    return answer(service, reply, parameters, 'imds')
  })

  app.get('/msi/token', config, async (request, reply) => {
    const given = Buffer.from(String(request.headers['x-identity-header'] ?? ''))
    const expected = Buffer.from(identityHeader)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return reply
        .status(401)
        .send({ statusCode: 401, message: 'The X-IDENTITY-HEADER is missing or wrong.' })
    }
    return answer(service, reply, readParameters(request.query), 'appService')
  })
}

async function answer(
  service: Service,
  reply: FastifyReply,
  parameters: Parameters,
  shape: 'imds' | 'appService',
): Promise<FastifyReply> {
  const identifier = parameters.get('resource')
  if (identifier === undefined) return refuse(reply, "Required query variable 'resource' is missing")
  const machine = findMachine(service, parameters)
  if (machine === undefined) return refuse(reply, 'Identity not found')
  const { tenant, identity } = machine
  const { principal } = identity
  reply.facts.clientId = principal.application.appId
  const resource = findResource(service, tenant, identifier)
  if (resource === undefined) {
    return refuse(
      reply,
      `The resource principal named ${identifier.slice(0, 200)} was not found`,
      'invalid_resource',
    )
  }
  const token = {
    tenant,
    // The platform authenticates a managed identity with a certificate.
    client: { application: principal.application, authentication: '2' as const },
    resource: resource.application,
    identifier,
    principal,
    roles: service.directory.applicationRoles(tenant, principal, resource.application),
    claims: readClaims(undefined),
    mappedClaims: mappedClaimsOf(service, tenant, resource, identifier),
  }
  const issued = await issueAccessToken(service, token, applicationClaims(service, token))
  const times = { expires_on: String(issued.expiresAt), resource: identifier, token_type: 'Bearer' }
  const common = { access_token: issued.token, client_id: principal.application.appId }
  return reply.send(
    shape === 'appService'
      ? { ...common, ...times }
      : {
          ...common,
          expires_in: String(issued.expiresIn),
          ext_expires_in: String(issued.expiresIn),
          not_before: String(issued.notBefore),
          ...times,
        },
  )
}

/** The identity that is named, or the machine's own, of any tenant. */
function findMachine({ directory }: Service, parameters: Parameters): Machine | undefined {
  const clientId = parameters.get('client_id')?.toLowerCase()
  const objectId = (parameters.get('object_id') ?? parameters.get('principal_id'))?.toLowerCase()
  // A resource id ends in the identity's name.
  const name = (parameters.get('mi_res_id') ?? parameters.get('msi_res_id'))?.split('/').at(-1)
  const machines = [...directory.tenants.values()].flatMap((tenant) =>
    tenant.managedIdentities.map((identity) => ({ tenant, identity })),
  )
  return machines.find(({ identity: { principal, isSystemAssigned } }) => {
    if (clientId !== undefined) return principal.application.appId === clientId
    if (objectId !== undefined) return principal.id === objectId
    if (name !== undefined) return principal.application.displayName === name
    return isSystemAssigned
  })
}

function findResource(
  { directory }: Service,
  tenant: Tenant,
  identifier: string,
): ReturnType<Service['directory']['resourceIn']> | undefined {
  try {
    return directory.resourceIn(tenant, identifier)
  } catch (error) {
    if (error instanceof EntraError) return undefined
    throw error
  }
}

function refuse(reply: FastifyReply, description: string, error = 'invalid_request'): FastifyReply {
  return reply.status(400).send({ error, error_description: description })
}
