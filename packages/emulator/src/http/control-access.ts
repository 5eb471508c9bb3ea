import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ControlToken } from './control-token.js'

/*
 * Who may control an emulator: anyone who has its token. Another site in a browser never is: it cannot send the header
 * without CORS, which is not given, and what a browser says about the sender is checked as well.
 */

/** Under the prefix of the page, and open all the same: nothing there is secret or changes something. */
const open: ReadonlySet<string> = new Set(['/_/health', '/_/certificate.pem', '/_/revocations'])

/** Demands the token for the page, as the password of Basic authentication or as a bearer token. */
export function protectPage(app: FastifyInstance, token: ControlToken): void {
  app.addHook('onRequest', async (request, reply) => {
    // By the route, not by the address: an address can be written in several ways.
    const route = request.routeOptions.url ?? ''
    const isPage = route === '/_' || (route.startsWith('/_/') && !route.startsWith('/_/api/'))
    if (!isPage || open.has(route) || token.matches(presentedToken(request, 'page'))) return
    await reply
      .status(401)
      .header('www-authenticate', 'Basic realm="Countersign emulator: the control token is the password"')
      .type('text/plain')
      .send('The page needs the control token, which the emulator prints at its start.\n')
  })
}

/** What is wrong with who sends a request to the control API; undefined if nothing is. */
export function accessProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  token: ControlToken,
  ownOrigin: string,
): { readonly status: 401 | 403; readonly code: string; readonly message: string } | undefined {
  const { origin, host, 'sec-fetch-site': site } = request.headers
  const isOtherSite =
    (origin !== undefined && origin !== `${new URL(ownOrigin).protocol}//${host}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  if (isOtherSite) {
    return { status: 403, code: 'forbidden_origin', message: 'A page of another site must not control it.' }
  }
  if (token.matches(presentedToken(request, 'api'))) return undefined
  reply.header('www-authenticate', 'Bearer realm="Countersign emulator"')
  return {
    status: 401,
    code: 'unauthorized',
    message: 'Send the control token, which the emulator prints at its start: Authorization: Bearer <token>',
  }
}

function presentedToken({ headers }: FastifyRequest, to: 'page' | 'api'): string | undefined {
  const { authorization = '' } = headers
  const [, bearer] = /^Bearer +([!-~]+)$/i.exec(authorization) ?? []
  if (bearer !== undefined || to === 'api') return bearer
  const [, basic] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? []
  const text = Buffer.from(basic ?? '', 'base64').toString('utf8')
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : undefined
}
