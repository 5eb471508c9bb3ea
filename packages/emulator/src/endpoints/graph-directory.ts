import type { FastifyReply, FastifyRequest } from 'fastify'
import { graphAppId } from '../directory/graph.js'
import { userNamed } from '../directory/lookup.js'
import type { Group, Tenant, User } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { type Caller, readCaller, refuseCaller } from './graph-caller.js'
import { graphUser } from './graph-user.js'

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

/** One address: what it needs, what it answers, and whether that is the caller's own. */
interface Read {
  readonly path: RegExp
  /** Any of them is enough. */
  readonly permissions: readonly string[]
  readonly answer: (caller: Caller, id: string) => Entity | readonly Entity[] | undefined
  /** What `User.Read` is enough for. */
  readonly isOwn?: (caller: Caller, id: string) => boolean
}

const isSelf = ({ tenant, user }: Caller, id: string): boolean =>
  user !== undefined && userNamed(tenant.users.values(), id)?.id === user.id

const reads: readonly Read[] = [
  {
    path: /^users$/,
    permissions: permissions.users,
    answer: ({ tenant }) => [...tenant.users.values()].map(graphUser),
  },
  {
    path: /^users\/([^/]+)$/,
    permissions: permissions.users,
    answer: ({ tenant }, id) => mapped(userNamed(tenant.users.values(), id), graphUser),
    isOwn: isSelf,
  },
  {
    path: /^users\/([^/]+)\/memberOf$/,
    permissions: permissions.memberOf,
    answer: ({ tenant }, id) =>
      mapped(userNamed(tenant.users.values(), id), (user) => groupsOf(tenant, user)),
    isOwn: isSelf,
  },
  {
    path: /^me\/memberOf$/,
    permissions: permissions.memberOf,
    answer: ({ tenant, user }) => mapped(user, (self) => groupsOf(tenant, self)),
    isOwn: ({ user }) => user !== undefined,
  },
  {
    path: /^groups$/,
    permissions: permissions.groups,
    answer: ({ tenant }) => [...tenant.groups.values()].map(graphGroup),
  },
  {
    path: /^groups\/([^/]+)$/,
    permissions: permissions.groups,
    answer: ({ tenant }, id) => mapped(tenant.groups.get(id.toLowerCase()), graphGroup),
  },
  {
    path: /^groups\/([^/]+)\/members$/,
    permissions: permissions.groups,
    answer: ({ tenant }, id) =>
      mapped(tenant.groups.get(id.toLowerCase()), (group) =>
        [...tenant.users.values()]
          .filter(({ groupIds }) => groupIds.includes(group.id))
          .map((user) => ({ '@odata.type': '#microsoft.graph.user', ...graphUser(user) })),
      ),
  },
]

/** Answers a read under `/v1.0/`. */
export async function readDirectory(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = pathOf(request)
  const found = reads.find((read) => read.path.test(path))
  if (found === undefined) {
    reply.callNotFound()
    return reply
  }
  const caller = await readCaller(service, request, reply, [graphAppId, 'https://graph.microsoft.com'])
  if (caller === undefined) return refuseCaller(reply)
  const [, id = ''] = found.path.exec(path) ?? []
  const isAllowed =
    found.permissions.some((permission) => caller.permissions.has(permission)) ||
    (caller.permissions.has('User.Read') && found.isOwn?.(caller, id) === true)
  if (!isAllowed) return refuseCaller(reply, 403)
  const answer = found.answer(caller, id)
  return answer === undefined ? notFound(reply) : send(service, request, reply, answer)
}

/** After `/v1.0/`, decoded. */
function pathOf({ url }: FastifyRequest): string {
  const [path = ''] = url.split('?', 1)
  try {
    return decodeURIComponent(path).replace(/^\/v1\.0\//i, '')
  } catch {
    return ''
  }
}

function mapped<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value)
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
