import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Service } from '../instance/service.js'

type Answers = typeof import('./graph-answers.js')
type Route = FastifyRequest<{ Params: { user: string } }>

/**
 * The reads of Graph that belong to signing in: who am I, which groups am I in (where a token with too many of them
 * points), and the registered users and groups. Everything else of Graph is not there. The answers are loaded with the
 * first read: most runs have none.
 */
export function addGraphEndpoints(app: FastifyInstance, service: Service): void {
  const route = (
    method: 'GET' | 'POST',
    url: string,
    answer: (answers: Answers, request: Route, reply: FastifyReply) => unknown,
    endpoint: 'graph' | 'userInfo' = 'graph',
  ): void => {
    app.route<{ Params: { user: string } }>({
      method,
      url,
      config: { endpoint },
      handler: async (request, reply) => answer(await import('./graph-answers.js'), request, reply),
    })
  }
  route('GET', '/v1.0/me', ({ me }, request, reply) => me(service, request, reply))
  route('POST', '/v1.0/me/getMemberObjects', ({ memberObjects }, request, reply) =>
    memberObjects(service, request, reply, undefined),
  )
  for (const url of ['/v1.0/users/:user/getMemberObjects', '/:tenant/users/:user/getMemberObjects']) {
    route('POST', url, ({ memberObjects }, request, reply) =>
      memberObjects(service, request, reply, request.params.user),
    )
  }
  for (const url of ['users', 'users/*', 'groups', 'groups/*', 'me/memberOf']) {
    route('GET', `/v1.0/${url}`, ({ readDirectory }, request, reply) =>
      readDirectory(service, request, reply),
    )
  }
  for (const method of ['GET', 'POST'] as const) {
    route(method, '/oidc/userinfo', ({ userInfo }, ...call) => userInfo(service, ...call), 'userInfo')
    route(
      method,
      '/:tenant/openid/userinfo',
      ({ userInfoV1 }, ...call) => userInfoV1(service, ...call),
      'userInfo',
    )
  }
}
