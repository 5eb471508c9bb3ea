import type { FastifyReply, FastifyRequest } from 'fastify'
import { graphAppId } from '../directory/graph.js'
import type { User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { type Caller, readCaller, refuseCaller } from './graph-caller.js'
import { graphUser } from './graph-user.js'

export { readDirectory } from './graph-directory.js'

const graphAudiences = [graphAppId, 'https://graph.microsoft.com']

/** Who is signed in. */
export async function me(service: Service, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await authenticate(service, request, reply, graphAudiences)
  if (caller === undefined) return refuseCaller(reply)
  return { '@odata.context': `${service.origin}/v1.0/$metadata#users/$entity`, ...graphUser(caller.user) }
}

/** The groups of the caller, under its own name alone. */
export async function memberObjects(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  user: string | undefined,
): Promise<unknown> {
  const caller = await authenticate(service, request, reply, undefined)
  if (caller === undefined) return refuseCaller(reply)
  const asked = user === undefined ? caller.user : caller.tenant.users.get(user.toLowerCase())
  if (asked === undefined || asked.id !== caller.user.id) return refuseCaller(reply, 403)
  return {
    '@odata.context': `${service.origin}/v1.0/$metadata#Collection(Edm.String)`,
    value: asked.groupIds,
  }
}

export async function userInfo(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const caller = await authenticate(service, request, reply, graphAudiences)
  if (caller === undefined) return refuseCaller(reply)
  const { user, claims } = caller
  return {
    sub: claims['sub'],
    name: user.displayName,
    family_name: user.surname,
    given_name: user.givenName,
    picture: undefined,
    email: user.mail,
  }
}

export async function userInfoV1(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const caller = await authenticate(service, request, reply, undefined)
  if (caller === undefined) return refuseCaller(reply)
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
}

/** The user of a valid token for one of those audiences, if any are named. */
async function authenticate(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  audiences: readonly string[] | undefined,
): Promise<(Caller & { readonly user: User }) | undefined> {
  const caller = await readCaller(service, request, reply, audiences)
  return caller?.user === undefined ? undefined : { ...caller, user: caller.user }
}
