import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TokenRequest } from './request.js'
import { EntraError } from '../base/errors.js'
import type { TokenAnswer } from './answer.js'
import { authorizationCode } from './authorization-code.js'
import { clientCredentials } from './client-credentials.js'
import { deviceCode } from './device-code.js'
import { onBehalfOf } from './on-behalf-of.js'
import { refreshToken } from './refresh-token.js'
import { userFederatedCredential } from './user-fic.js'
import { readParameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'

type Grant = (service: Service, request: TokenRequest) => Promise<TokenAnswer>

const grants: ReadonlyMap<string, Grant> = new Map([
  ['client_credentials', clientCredentials],
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
  ['urn:ietf:params:oauth:grant-type:jwt-bearer', onBehalfOf],
  ['urn:ietf:params:oauth:grant-type:device_code', deviceCode],
  ['device_code', deviceCode],
  ['user_fic', userFederatedCredential],
  ['password', async (service, request) => (await import('./password.js')).password(service, request)],
])

interface TenantRoute {
  Params: { tenant: string }
}

/** The token endpoint of both versions: a grant type is a file. */
export function addTokenEndpoint(app: FastifyInstance, service: Service): void {
  for (const version of ['1.0', '2.0'] as const) {
    const path = version === '1.0' ? '/:tenant/oauth2/token' : '/:tenant/oauth2/v2.0/token'
    const config = { config: { endpoint: 'token' } } as const
    // Before anything can be refused: a page must be able to read why.
    const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const { origin } = request.headers
      if (origin !== undefined && isSpaOrigin(service, origin)) {
        reply.headers({ 'access-control-allow-origin': origin, vary: 'origin' })
      }
    }
    app.post<TenantRoute>(path, { ...config, onRequest }, async (request, reply) => {
      const form = readParameters(request.body)
      const grantType = form.require('grant_type')
      const isOff = grantType === 'password' && !service.allowsPasswordGrant
      const grant = isOff ? undefined : grants.get(grantType)
      if (grant === undefined) throw new EntraError(70003, { grantType })
      const { authorization, origin } = request.headers
      const { tenant: segment } = request.params
      return grant(service, { version, segment, form, authorization, origin, facts: reply.facts })
    })
    app.options<TenantRoute>(path, { onRequest }, async (request, reply) => {
      if (reply.hasHeader('access-control-allow-origin')) {
        reply.headers({
          'access-control-allow-methods': 'POST, OPTIONS',
          'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '',
        })
      }
      return reply.status(200).send()
    })
    app.get(path, config, () => {
      throw new EntraError(900561, { method: 'GET' })
    })
  }
}

/** Only pages of a registered single-page application may read the answer in a browser. */
function isSpaOrigin({ directory }: Service, origin: string): boolean {
  return [...directory.applications.values()].some(({ redirectUris }) =>
    redirectUris.spa.some((uri) => {
      const registered = new URL(uri)
      const isLocal = registered.hostname === 'localhost' && URL.canParse(origin)
      return registered.origin === origin || (isLocal && new URL(origin).hostname === 'localhost')
    }),
  )
}
