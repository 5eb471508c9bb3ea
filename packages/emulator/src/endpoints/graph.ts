import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { graphAppId } from '../directory/graph.js'
import type { User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { type Caller, readCaller, refuseCaller as refuse } from './graph-caller.js'
import { graphUser } from './graph-user.js'

/**
 * The reads of Graph that belong to signing in: who am I, which groups am I in (where a token with too many of them
 * points), and the registered users and groups. Everything else of Graph is not there.
 */
export function addGraphEndpoints(app: FastifyInstance, service: Service): void {
  const graph = { config: { endpoint: 'graph' } } as const

  app.get('/v1.0/me', graph, async (request, reply) => {
    const caller = await authenticate(service, request, [graphAppId, 'https://graph.microsoft.com'])
    if (caller === undefined) return refuse(reply)
    return {
      '@odata.context': `${service.origin}/v1.0/$metadata#users/$entity`,
      ...graphUser(caller.user),
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

  const directory = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    // Loaded with the first read: most runs have none.
    const { readDirectory } = await import('./graph-directory.js')
    return readDirectory(service, request, reply)
  }
  app.get('/v1.0/users', graph, directory)
  app.get('/v1.0/users/*', graph, directory)
  app.get('/v1.0/groups', graph, directory)
  app.get('/v1.0/groups/*', graph, directory)
  app.get('/v1.0/me/memberOf', graph, directory)

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

/** The user of a valid token for one of those audiences, if any are named. */
async function authenticate(
  service: Service,
  request: FastifyRequest,
  audiences: readonly string[] | undefined,
): Promise<(Caller & { readonly user: User }) | undefined> {
  const caller = await readCaller(service, request, audiences)
  return caller?.user === undefined ? undefined : { ...caller, user: caller.user }
}
