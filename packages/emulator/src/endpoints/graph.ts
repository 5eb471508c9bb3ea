import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { graphAppId } from '../directory/graph.js'
import type { Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/** The caller of a Graph address: a user, and the tenant of the token. */
interface Caller {
  readonly tenant: Tenant
  readonly user: User
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The few reads of Graph that belong to signing in: who am I, and which groups am I in (where a token with too many of
 * them points). Everything else of Graph is not there.
 */
export function addGraphEndpoints(app: FastifyInstance, service: Service): void {
  const graph = { config: { endpoint: 'graph' } } as const

  app.get('/v1.0/me', graph, async (request, reply) => {
    const caller = await authenticate(service, request, [graphAppId, 'https://graph.microsoft.com'])
    if (caller === undefined) return refuse(reply)
    const { user } = caller
    return {
      '@odata.context': `${service.origin}/v1.0/$metadata#users/$entity`,
      businessPhones: [],
      displayName: user.displayName,
      givenName: user.givenName ?? null,
      jobTitle: null,
      mail: user.mail ?? null,
      mobilePhone: null,
      officeLocation: null,
      preferredLanguage: null,
      surname: user.surname ?? null,
      userPrincipalName: user.userPrincipalName,
      id: user.id,
    }
  })

  const groups = async (request: FastifyRequest, reply: FastifyReply, user?: string): Promise<unknown> => {
    const caller = await authenticate(service, request, undefined)
    if (caller === undefined) return refuse(reply)
    const asked = user === undefined ? caller.user : caller.tenant.users.get(user.toLowerCase())
    if (asked === undefined || asked.id !== caller.user.id) return refuse(reply, 403)
    return {
      '@odata.context': `${service.origin}/v1.0/$metadata#Collection(Edm.String)`,
      value: asked.groupIds,
    }
  }
  app.post('/v1.0/me/getMemberObjects', graph, (request, reply) => groups(request, reply))
  app.post<{ Params: { user: string } }>('/v1.0/users/:user/getMemberObjects', graph, (request, reply) =>
    groups(request, reply, request.params.user),
  )
  app.post<{ Params: { tenant: string; user: string } }>(
    '/:tenant/users/:user/getMemberObjects',
    graph,
    (request, reply) => groups(request, reply, request.params.user),
  )

  const userInfo = { config: { endpoint: 'userInfo' } } as const
  app.route({
    method: ['GET', 'POST'],
    url: '/oidc/userinfo',
    ...userInfo,
    handler: async (request, reply) => {
      const caller = await authenticate(service, request, [graphAppId, 'https://graph.microsoft.com'])
      if (caller === undefined) return refuse(reply)
      const { user, claims } = caller
      return {
        sub: claims['sub'],
        name: user.displayName,
        family_name: user.surname,
        given_name: user.givenName,
        picture: undefined,
        email: user.mail,
      }
    },
  })
  app.route({
    method: ['GET', 'POST'],
    url: '/:tenant/openid/userinfo',
    ...userInfo,
    handler: async (request, reply) => {
      const caller = await authenticate(service, request, undefined)
      if (caller === undefined) return refuse(reply)
      const { user, claims } = caller
      return {
        aud: claims['aud'],
        sub: claims['sub'],
        oid: user.id,
        tid: user.tenantId,
        upn: user.userPrincipalName,
        unique_name: user.userPrincipalName,
        name: user.displayName,
        given_name: user.givenName,
        family_name: user.surname,
      }
    },
  })
}

/** The user of a valid token of this service, for one of those audiences if any are named. */
async function authenticate(
  service: Service,
  { headers }: FastifyRequest,
  audiences: readonly string[] | undefined,
): Promise<Caller | undefined> {
  const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) return undefined
  try {
    const { verifiedClaims } = await import('../tokens/own-token.js')
    const claims = await verifiedClaims(service, token)
    const tenant = service.directory.tenants.get(String(claims['tid']))
    const user = tenant?.users.get(String(claims['oid']))
    const now = service.clock.now()
    const isLive = Number(claims['nbf']) <= now && now < Number(claims['exp'])
    const isOurs = service.isOwnIssuer(claims['iss'], tenant?.id ?? '')
    const isForThis = audiences === undefined || audiences.includes(String(claims['aud']))
    if (tenant === undefined || user === undefined || !isLive || !isOurs || !isForThis) return undefined
    if (typeof claims['scp'] !== 'string' || !user.isEnabled) return undefined
    return { tenant, user, claims }
  } catch {
    return undefined
  }
}

function refuse(reply: FastifyReply, status: 401 | 403 = 401): FastifyReply {
  const code = status === 401 ? 'InvalidAuthenticationToken' : 'Authorization_RequestDenied'
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.status(status).send({ error: { code, message: 'The token is not one for this address.' } })
}
