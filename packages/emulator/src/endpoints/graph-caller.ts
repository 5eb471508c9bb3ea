import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Tenant, User } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'

/** The caller of a Graph address, from a valid token of this service. */
export interface Caller {
  readonly tenant: Tenant
  /** Undefined for an application that acts as itself. */
  readonly user: User | undefined
  readonly claims: Readonly<Record<string, unknown>>
  /** The delegated scopes of a user's token, or the roles of an application's. */
  readonly permissions: ReadonlySet<string>
}

/** Undefined for a token that is not valid, and for one of another audience if some are named. */
export async function readCaller(
  service: Service,
  { headers }: FastifyRequest,
  { facts }: FastifyReply,
  audiences: readonly string[] | undefined,
): Promise<Caller | undefined> {
  const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(headers.authorization ?? '') ?? []
  if (token === undefined) return undefined
  try {
    const { verifiedClaims } = await import('../tokens/own-token.js')
    const claims = await verifiedClaims(service, token)
    if (typeof claims['uti'] === 'string') joinFlow(facts, `token ${claims['uti']}`)
    const tenant = service.directory.tenants.get(String(claims['tid']))
    const now = service.clock.now()
    const isLive = Number(claims['nbf']) <= now && now < Number(claims['exp'])
    const isForThis = audiences === undefined || audiences.includes(String(claims['aud']))
    if (tenant === undefined || !isLive || !isForThis || !service.isOwnIssuer(claims['iss'], tenant.id)) {
      return undefined
    }
    const { scp, roles } = claims
    if (typeof scp !== 'string') {
      const isIdToken = claims['appid'] === undefined && claims['azp'] === undefined
      if (isIdToken) return undefined
      return {
        tenant,
        user: undefined,
        claims,
        permissions: new Set(Array.isArray(roles) ? roles.map(String) : []),
      }
    }
    const user = tenant.users.get(String(claims['oid']))
    if (user === undefined || !user.isEnabled) return undefined
    return { tenant, user, claims, permissions: new Set(scp.split(' ')) }
  } catch {
    return undefined
  }
}

export function refuseCaller(reply: FastifyReply, status: 401 | 403 = 401): FastifyReply {
  const code = status === 401 ? 'InvalidAuthenticationToken' : 'Authorization_RequestDenied'
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  return reply.status(status).send({ error: { code, message: 'The token is not one for this address.' } })
}
