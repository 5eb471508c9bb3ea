import { allOf, condition, resourceMetadataUrl, type Permission } from '@countersign/core'
import {
  callsApplication,
  createBearerAuth,
  createGuard,
  createResourceMetadata,
  describeIssuers,
  type BearerAuth,
  type BearerAuthOptions,
  type Guard,
  type RequestView,
  type ResourceMetadata,
} from '@countersign/core/adapter'
import { createAuthInfo, type McpAuthInfo } from './auth-info.js'

/** What an MCP server sets beside the options of `bearerAuth`. */
export interface McpSettings {
  /**
   * The address of the MCP endpoint, as its clients know it: `https://mcp.contoso.com/mcp`. With Entra it needs a path and no
   * slash at the end, and is the application ID URI of the server's registration.
   */
  readonly resource: string
  /**
   * Authorization servers to publish. Default: the configured issuers. Required where one address does not tell: many
   * tenants, or a tenant that is named by its domain.
   */
  readonly authorizationServers?: readonly string[] | undefined
  /** Scopes to publish, by the short names that tokens have. Default: none. */
  readonly scopesSupported?: readonly string[] | undefined
  /** A name for display. */
  readonly resourceName?: string | undefined
  /**
   * What a call of each tool requires, by the tool's name; `'*'` stands for every other tool. A tool that is not named is
   * refused where there is no `'*'`. Default: no tool requires more than `permission` does.
   */
  readonly tools?: Readonly<Record<string, Permission>> | undefined
  /** The largest body that is read to find the tool, in bytes. On Fastify `bodyLimit` holds. Default: 4194304. */
  readonly maxBodyBytes?: number | undefined
}

/** Options of `createMcpAuth`: those of `bearerAuth`, and of the MCP server. */
export type McpAuthOptions = McpSettings & BearerAuthOptions

/** What all frameworks share. */
export interface McpCore extends Pick<BearerAuth, 'validator' | 'responseHeaders'> {
  readonly metadata: ResourceMetadata
  readonly maxBodyBytes: number
  /** Whether the body must be read: some tool requires something. */
  readonly readsBody: boolean
  /** The caller; undefined for an anonymous one, where that is allowed. Throws or rejects a `BearerError`. */
  authenticate(request: RequestView): Promise<McpAuthInfo | undefined>
  /** Checks every call of a tool in a message, or in a list of them. Rejects a `BearerError`. */
  checkMessage(auth: McpAuthInfo | undefined, message: unknown, request: unknown): Promise<void>
}

const what = 'createMcpAuth'
const settingNames = [
  'resource',
  'authorizationServers',
  'scopesSupported',
  'resourceName',
  'tools',
  'maxBodyBytes',
] as const

/** Reads the options. Throws a TypeError that names the option and what was expected. */
export function createMcpCore(options: McpAuthOptions): McpCore {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${what}: expected an object of options`)
  const { settings, rest } = split(options)
  const { resource, tools, maxBodyBytes = 4 * 1024 * 1024 } = settings
  if (!Number.isInteger(maxBodyBytes) || maxBodyBytes < 1024) {
    throw new TypeError(`${what}: "maxBodyBytes" must be a whole number from 1024`)
  }
  const issuers = 'issuer' in rest ? describeIssuers(rest.issuer) : []
  const isEntra = issuers.some((issuer) => issuer.isEntra)
  const metadataUrl = resourceMetadataUrl(resource)
  if (isEntra) checkResourceOfEntra(resource)
  // Entra names a scope in full to its clients, and by its last part in tokens.
  const scopePrefix = readPrefix(rest) ?? (isEntra ? `${resource}/` : undefined)
  const bearer = createBearerAuth(withChallenges(rest, metadataUrl, scopePrefix))
  const guards = tools === undefined ? undefined : readTools(tools, permissionOf(rest))

  return {
    validator: bearer.validator,
    responseHeaders: (request) => bearer.responseHeaders(request),
    maxBodyBytes,
    readsBody: guards !== undefined,
    metadata: createResourceMetadata({
      resource,
      authorizationServers: settings.authorizationServers ?? serversOf(issuers),
      scopesSupported: inFull(settings.scopesSupported, scopePrefix),
      resourceName: settings.resourceName,
      alsoAtRoot: true,
    }),

    async authenticate(request) {
      const token = await bearer.authenticate(request)
      // A header may refuse a call before its body is read. It never takes the place of the body.
      const name = toolInHeaders(request)
      const tool = guards === undefined || name === undefined ? undefined : guardOf(guards, name)
      if (tool?.needsBody === false) await tool.guard(token, bearer.validator, request.native)
      return token === null ? undefined : createAuthInfo(token, resource, metadataUrl)
    },

    async checkMessage(auth, message, request) {
      if (guards === undefined) return
      // A list may hold thousands of calls, and nothing but its tools decides.
      const called = new Set(toolsCalledBy(message).map((name) => guardOf(guards, name)))
      for (const { guard } of called) await guard(auth?.extra.auth, bearer.validator, request)
    },
  }
}

function split(options: McpAuthOptions): { settings: McpSettings; rest: BearerAuthOptions } {
  const settings: Record<string, unknown> = {}
  const rest: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const isSetting = (settingNames as readonly string[]).includes(name)
    ;(isSetting ? settings : rest)[name] = value
  }
  return { settings: settings as unknown as McpSettings, rest: rest as unknown as BearerAuthOptions }
}

/**
 * Clients send the address as `resource`, and Entra compares it with the application ID URI, which cannot end with a slash: a
 * root address gets one from `URL` (AADSTS9010010).
 */
function checkResourceOfEntra(resource: string): void {
  const { pathname } = new URL(resource)
  if (pathname !== '/' && !pathname.endsWith('/')) return
  throw new TypeError(
    `${what}: "resource" must have a path, and no slash at the end, with Entra: https://mcp.contoso.com/mcp`,
  )
}

function readPrefix(rest: BearerAuthOptions): string | undefined {
  return 'scopePrefix' in rest ? rest.scopePrefix : undefined
}

/** Scopes as clients ask for them. */
function inFull(scopes: readonly string[] | undefined, prefix = ''): readonly string[] | undefined {
  if (scopes === undefined) return undefined
  if (!Array.isArray(scopes)) throw new TypeError(`${what}: "scopesSupported" must be a list of scopes`)
  return scopes.map((scope) => `${prefix}${scope}`)
}

function withChallenges(
  rest: BearerAuthOptions,
  resourceMetadata: string,
  scopePrefix: string | undefined,
): BearerAuthOptions {
  // A validator that was made before has its own challenges.
  if ('validator' in rest) return rest
  return { ...rest, resourceMetadata, ...(scopePrefix === undefined ? {} : { scopePrefix }) }
}

function serversOf(issuers: ReturnType<typeof describeIssuers>): readonly string[] {
  const servers = issuers.flatMap(({ authorizationServer }) => authorizationServer ?? [])
  if (servers.length > 0 && servers.length === issuers.length) return servers
  throw new TypeError(
    `${what}: "authorizationServers" is required here: clients cannot be sent to these issuers by one address each`,
  )
}

interface ToolGuard {
  readonly guard: Guard
  /** Whether it asks a function of the application, which may look at the message. */
  readonly needsBody: boolean
}

interface ToolGuards {
  readonly byName: ReadonlyMap<string, ToolGuard>
  readonly other: ToolGuard
}

const notListed: ToolGuard = {
  guard: createGuard(condition('tool-not-listed', () => false)),
  needsBody: false,
}

/** What every caller needs, which was checked before; undefined where the application would be asked about it again. */
function permissionOf(rest: BearerAuthOptions): Permission | undefined {
  const permission = 'permission' in rest ? rest.permission : undefined
  return permission === undefined || callsApplication(permission) ? undefined : permission
}

function readTools(tools: Readonly<Record<string, Permission>>, always: Permission | undefined): ToolGuards {
  if (typeof tools !== 'object' || tools === null || Array.isArray(tools)) {
    throw new TypeError(`${what}: "tools" must be an object of permissions by the name of a tool`)
  }
  const byName = new Map(
    Object.entries(tools).map(([name, permission]) => [name, readGuard(permission, always)]),
  )
  const other = byName.get('*') ?? notListed
  return { byName, other }
}

/** A refusal names every scope that the call needs (MCP authorization, "Scope challenge handling"). */
function readGuard(permission: Permission, always: Permission | undefined): ToolGuard {
  return {
    guard: createGuard(always === undefined ? permission : allOf([always, permission])),
    needsBody: callsApplication(permission),
  }
}

function guardOf({ byName, other }: ToolGuards, name: string): ToolGuard {
  return byName.get(name) ?? other
}

/** The name of the tool that the headers of revision 2026-07-28 announce; a wrapped one is left to the body. */
function toolInHeaders(request: RequestView): string | undefined {
  if (request.header('mcp-method')?.[0] !== 'tools/call') return undefined
  const names = request.header('mcp-name')
  const [name] = names ?? []
  return names?.length === 1 && name !== undefined && !name.startsWith('=?') ? name : undefined
}

/** The tools that a message calls, or each message of a list. A call without a name counts as one of a tool without a name. */
function toolsCalledBy(message: unknown): readonly string[] {
  const messages: readonly unknown[] = Array.isArray(message) ? message : [message]
  return messages.flatMap((each) => {
    const { method, params } = Object(each) as { method?: unknown; params?: unknown }
    if (method !== 'tools/call') return []
    const { name } = Object(params) as { name?: unknown }
    return [typeof name === 'string' ? name : '']
  })
}
