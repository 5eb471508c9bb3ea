import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { graphAppId } from '../directory/graph.js'
import { userNamed } from '../directory/lookup.js'
import type { Group, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { type Caller, readCaller, refuseCaller } from './graph-caller.js'

/*
 * Reads of the registered directory, as Microsoft Graph answers them. The permissions are those of Graph's reference for
 * each address. Of OData there are $select, $top and $skiptoken; everything else is refused, not ignored.
 */

/** Any of them is enough. */
const permissions = {
  users: ['User.ReadBasic.All', 'User.Read.All', 'Directory.Read.All'],
  groups: ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'],
  memberOf: ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'],
} as const

const pageSize = 100
const largestPage = 999

type Entity = Readonly<Record<string, unknown>>

export function addGraphDirectory(app: FastifyInstance, service: Service): void {
  /** A read that needs one of the permissions, or `ownScope` for what is the caller's own. */
  const read = (
    path: string,
    needed: readonly string[],
    answer: (
      caller: Caller,
      request: FastifyRequest<{ Params: { id: string } }>,
    ) => Entity | readonly Entity[] | undefined,
    isOwn: (caller: Caller, id: string) => boolean = () => false,
  ): void => {
    app.get<{ Params: { id: string } }>(path, { config: { endpoint: 'graph' } }, async (request, reply) => {
      const caller = await readCaller(service, request, [graphAppId, 'https://graph.microsoft.com'])
      if (caller === undefined) return refuseCaller(reply)
      const isAllowed =
        needed.some((permission) => caller.permissions.has(permission)) ||
        (caller.permissions.has('User.Read') && isOwn(caller, request.params.id))
      if (!isAllowed) return refuseCaller(reply, 403)
      const found = answer(caller, request)
      if (found === undefined) return notFound(reply)
      return send(service, request, reply, found)
    })
  }
  const isSelf = ({ tenant, user }: Caller, id: string): boolean =>
    user !== undefined && userNamed(tenant.users.values(), id)?.id === user.id

  read('/v1.0/users', permissions.users, ({ tenant }) => [...tenant.users.values()].map(graphUser))
  read(
    '/v1.0/users/:id',
    permissions.users,
    ({ tenant }, { params }) => mapped(userNamed(tenant.users.values(), params.id), graphUser),
    isSelf,
  )
  read(
    '/v1.0/users/:id/memberOf',
    permissions.memberOf,
    ({ tenant }, { params }) =>
      mapped(userNamed(tenant.users.values(), params.id), (user) => groupsOf(tenant, user)),
    isSelf,
  )
  read(
    '/v1.0/me/memberOf',
    permissions.memberOf,
    ({ tenant, user }) => mapped(user, (self) => groupsOf(tenant, self)),
    ({ user }) => user !== undefined,
  )
  read('/v1.0/groups', permissions.groups, ({ tenant }) => [...tenant.groups.values()].map(graphGroup))
  read('/v1.0/groups/:id', permissions.groups, ({ tenant }, { params }) =>
    mapped(tenant.groups.get(params.id.toLowerCase()), graphGroup),
  )
  read('/v1.0/groups/:id/members', permissions.groups, ({ tenant }, { params }) =>
    mapped(tenant.groups.get(params.id.toLowerCase()), ({ id }) =>
      [...tenant.users.values()]
        .filter(({ groupIds }) => groupIds.includes(id))
        .map((user) => ({ '@odata.type': '#microsoft.graph.user', ...graphUser(user) })),
    ),
  )
}

function mapped<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value)
}

/** The members that Graph returns if none are selected. */
export function graphUser(user: User): Entity {
  return {
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
}

function graphGroup({ id, displayName }: Group): Entity {
  return { id, displayName, description: null, groupTypes: [], mailEnabled: false, securityEnabled: true }
}

function groupsOf(tenant: Tenant, user: User): Entity[] {
  return user.groupIds.flatMap((id) => {
    const group = tenant.groups.get(id)
    return group === undefined ? [] : [{ '@odata.type': '#microsoft.graph.group', ...graphGroup(group) }]
  })
}

/** One entity, or one page of a collection. */
function send(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  found: Entity | readonly Entity[],
): FastifyReply {
  const query = request.query as Readonly<Record<string, unknown>>
  const unknown = Object.keys(query).find((name) => !['$select', '$top', '$skiptoken'].includes(name))
  const [top, skip] = [Number(query['$top'] ?? pageSize), Number(query['$skiptoken'] ?? 0)]
  const isPage =
    Number.isInteger(top) && top >= 1 && top <= largestPage && Number.isInteger(skip) && skip >= 0
  if (unknown !== undefined || !isPage) {
    return reply.status(400).send({
      error: {
        code: 'Request_UnsupportedQuery',
        message: 'The emulator knows $select, $top and $skiptoken.',
      },
    })
  }
  const path = request.url.split('?', 1)[0] ?? ''
  const select = typeof query['$select'] === 'string' ? query['$select'].split(',') : undefined
  const chosen = (entity: Entity): Entity =>
    select === undefined
      ? entity
      : Object.fromEntries(
          Object.entries(entity).filter(([name]) => select.includes(name) || name.startsWith('@')),
        )
  const context = { '@odata.context': `${service.origin}/v1.0/$metadata#${contextOf(path)}` }
  if (!isList(found)) return reply.send({ ...context, ...chosen(found) })
  const more = new URLSearchParams({
    ...(select === undefined ? {} : { $select: select.join(',') }),
    $top: String(top),
    $skiptoken: String(skip + top),
  })
  return reply.send({
    ...context,
    ...(skip + top < found.length
      ? { '@odata.nextLink': `${service.origin}${path}?${more.toString()}` }
      : {}),
    value: found.slice(skip, skip + top).map(chosen),
  })
}

function isList(found: Entity | readonly Entity[]): found is readonly Entity[] {
  return Array.isArray(found)
}

function contextOf(path: string): string {
  if (/memberOf$|members$/.test(path)) return 'directoryObjects'
  const [, , collection = '', id] = path.split('/')
  return id === undefined ? collection : `${collection}/$entity`
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply
    .status(404)
    .send({ error: { code: 'Request_ResourceNotFound', message: 'The directory has no such object.' } })
}
