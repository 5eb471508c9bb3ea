import { BearerError, type RefusalDetail } from './errors.js'
import { checkNames, checkObject, readStringList } from './options-reader.js'
import { rolesOf, type ValidatedToken } from './validated-token.js'

/** One word or several: all of them are needed. */
export type Words = string | readonly string[]

/** What each kind of token must have. A kind that is not named is refused. */
export interface PermissionByKind {
  /** A user's token: scopes that the client was granted, app roles that the user has. */
  readonly delegated?:
    | {
        /** Scopes that the client was granted, all of them. */
        readonly scopes?: Words | undefined
        /** App roles that the user has, all of them. */
        readonly roles?: Words | undefined
      }
    | undefined
  /** A client's own token: application permissions that the client was granted. */
  readonly application?:
    | {
        /** Application permissions that the client was granted, all of them. */
        readonly roles: Words
      }
    | undefined
}

/**
 * What any token must have, whatever its kind: for issuers whose daemons carry `scope`. With Entra a role needs its kind
 * named, because a user's role is not an application permission.
 */
export interface PermissionOfAnyKind {
  /** Scopes that the token must have, all of them. */
  readonly scopes?: Words | undefined
  /** Roles that the token must have, all of them: `userRoles`, `roles` or `rolesOfUnknownKind`. */
  readonly roles?: Words | undefined
}

/** A condition beside scopes and roles: made by `condition`, `authContext` or `authentication`. */
export interface Condition {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:condition': never
}

/** Made by `anyOf`: one of several permissions is enough. Its members are internal. */
export interface AnyOfPermissions {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:anyOf': never
}

/** Made by `allOf`: every one of several permissions is needed. Its members are internal. */
export interface AllOfPermissions {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:allOf': never
}

/** What a token must be granted to pass: permissions and conditions, alone or combined by `anyOf` and `allOf`. */
export type Permission =
  | PermissionByKind
  | PermissionOfAnyKind
  | Condition
  | AnyOfPermissions
  | AllOfPermissions

// The same in all copies of this package: an application may load one by `import` and another by `require`.
const conditionKey = Symbol.for('@countersign/core:condition')
const anyKey = Symbol.for('@countersign/core:any-of')
const allKey = Symbol.for('@countersign/core:all-of')

/** A combined permission never changes, so it is compiled once. */
const compiledOf = new WeakMap<object, CompiledPermission>()

/**
 * Combines permissions: one of them is enough. Throws a TypeError for an empty list or a malformed permission.
 *
 * @example
 * ```ts
 * import { anyOf } from '@countersign/core'
 *
 * const mayRead = anyOf([
 *   { delegated: { scopes: 'Files.Read' } },
 *   { application: { roles: 'Files.Read.All' } },
 * ])
 * ```
 */
export function anyOf(permissions: readonly Permission[]): AnyOfPermissions {
  return combine('anyOf', anyKey, permissions) as AnyOfPermissions
}

/**
 * Combines permissions: every one of them is needed. Functions of the application are called last, so that none is asked
 * about a token that lacks a scope. Throws a TypeError for an empty list or a malformed permission.
 *
 * @example
 * ```ts
 * import { allOf, authContext } from '@countersign/core'
 *
 * const mayPay = allOf([{ delegated: { scopes: 'Payments.Write' } }, authContext('c1')])
 * ```
 */
export function allOf(permissions: readonly Permission[]): AllOfPermissions {
  return combine('allOf', allKey, permissions) as AllOfPermissions
}

function combine(what: string, key: symbol, permissions: readonly Permission[]): unknown {
  if (!Array.isArray(permissions) || permissions.length === 0) {
    throw new TypeError(`${what}: expected a non-empty list of permissions`)
  }
  const combined = Object.freeze({ [key]: Object.freeze([...permissions]) })
  compiledOf.set(combined, compileCombined(key, permissions, what))
  return combined
}

/** What a permission is decided with, beside the token and the request. */
export interface PermissionContext {
  /** The time in seconds since the epoch. Throws a 503 where the clock fails. */
  now(): number
  readonly clockToleranceSeconds: number
  /** Where a client of Entra asks for a token with more claims; undefined for tokens of any other issuer. */
  authorizationUri(token: ValidatedToken): string | undefined
}

/** A permission that was read and found well-formed. */
export interface CompiledPermission {
  /** Whether it demands a role of whatever kind of token: an Entra issuer's tokens cannot be held to that. */
  readonly hasRoleOfAnyKind: boolean
  /** Scopes that are enough for a user; undefined where the permission demands none. */
  readonly scope: string | undefined
  /** What it demands, for `explain`. */
  readonly text: string
  /** Whether it calls a function of the application. */
  readonly callsApplication: boolean
  /** What the token lacks; undefined if it has the permission. `request` is the framework's own, if there is one. */
  findLack(token: ValidatedToken, request: unknown, context: PermissionContext): MaybeLack
}

type MaybeLack = Lack | undefined | Promise<Lack | undefined>

/** Why a token does not have a permission. */
export interface Lack extends RefusalDetail {
  readonly code:
    | 'kind_not_allowed'
    | 'scope_insufficient'
    | 'role_insufficient'
    | 'condition_refused'
    | 'claims_required'
    | 'auth_context_missing'
    | 'authentication_insufficient'
    | 'check_unavailable'
  /** How far the comparison came: the alternative that came furthest says most about what is missing. */
  readonly progress: number
}

/** How far a comparison comes that ends at a condition. */
export const conditionProgress = 3

/** Makes a condition of how it is decided. */
export function createCondition(
  rules: Pick<CompiledPermission, 'text' | 'callsApplication' | 'findLack'>,
): Condition {
  const compiled: CompiledPermission = Object.freeze({ ...rules, hasRoleOfAnyKind: false, scope: undefined })
  return Object.freeze({ [conditionKey]: compiled }) as unknown as Condition
}

/** Throws or rejects the refusal of a permission that the token does not have. */
export function checkPermission(
  permission: CompiledPermission | undefined,
  token: ValidatedToken,
  request: unknown,
  context: PermissionContext,
): void | Promise<void> {
  const lack = permission?.findLack(token, request, context)
  if (lack === undefined) return undefined
  return lack instanceof Promise ? lack.then(refuseLack) : refuseLack(lack)
}

/** The same for two permissions, each of which may be absent. */
export function checkPermissions(
  first: CompiledPermission | undefined,
  second: CompiledPermission | undefined,
  token: ValidatedToken,
  request: unknown,
  context: PermissionContext,
): void | Promise<void> {
  const pending = checkPermission(first, token, request, context)
  if (pending === undefined) return checkPermission(second, token, request, context)
  return pending.then(() => checkPermission(second, token, request, context))
}

function refuseLack(lack: Lack | undefined): void {
  if (lack !== undefined) throw new BearerError(lack.code, lack)
}

interface Need {
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

/** Reads a permission once, at start-up. Throws a TypeError where it is malformed, or empty: nothing required would mean everyone. */
export function compilePermission(permission: Permission, what = 'permission'): CompiledPermission {
  checkObject(what, permission)
  const { [conditionKey]: condition } = permission as { [conditionKey]?: CompiledPermission }
  if (condition !== undefined) return condition
  for (const key of [anyKey, allKey]) if (key in permission) return compileOnce(key, permission, what)
  if ('delegated' in permission || 'application' in permission) return compileByKind(permission, what)
  return compileAnyKind(permission, what)
}

function compileOnce(key: symbol, permission: object, what: string): CompiledPermission {
  let compiled = compiledOf.get(permission)
  if (compiled === undefined) {
    const { [key]: permissions } = permission as { [key: symbol]: readonly Permission[] }
    compiled = compileCombined(key, permissions ?? [], what)
    compiledOf.set(permission, compiled)
  }
  return compiled
}

function compileCombined(key: symbol, permissions: readonly Permission[], what: string): CompiledPermission {
  const written = permissions.map((permission) => compilePermission(permission, what))
  // The application is asked last, and only where the token itself leaves it open.
  const members = [
    ...written.filter(({ callsApplication }) => !callsApplication),
    ...written.filter(({ callsApplication }) => callsApplication),
  ]
  const isAny = key === anyKey
  const scopes = written.flatMap(({ scope }) => scope ?? [])
  const scope = isAny ? scopes[0] : uniqueWords(scopes)
  // A caller who lacks one of them gets the names of all, so that a client asks once.
  const withScope = (lack: Lack | undefined): Lack | undefined =>
    isAny || lack?.scope === undefined ? lack : { ...lack, scope }
  return {
    hasRoleOfAnyKind: written.some(({ hasRoleOfAnyKind }) => hasRoleOfAnyKind),
    callsApplication: written.some(({ callsApplication }) => callsApplication),
    scope,
    text: written.length === 1 ? (written[0]?.text ?? '') : textOf(written, isAny ? ' or ' : ' and '),
    findLack(token, request, context) {
      const find = (member: CompiledPermission): MaybeLack => member.findLack(token, request, context)
      const lack = isAny ? findInAny(members, find, 0, undefined) : findInAll(members, find, 0)
      return lack instanceof Promise ? lack.then(withScope) : withScope(lack)
    },
  }
}

function textOf(members: readonly CompiledPermission[], word: string): string {
  return members.map(({ text }) => `(${text})`).join(word)
}

function uniqueWords(scopes: readonly string[]): string | undefined {
  const words = new Set(scopes.flatMap((scope) => scope.split(' ')))
  return words.size === 0 ? undefined : [...words].join(' ')
}

function findInAny(
  members: readonly CompiledPermission[],
  find: (member: CompiledPermission) => MaybeLack,
  start: number,
  nearest: Lack | undefined,
): MaybeLack {
  let best = nearest
  for (let index = start; index < members.length; index++) {
    const lack = find(members[index] as CompiledPermission)
    if (lack instanceof Promise) {
      return lack.then((later) =>
        later === undefined ? undefined : findInAny(members, find, index + 1, nearer(best, later)),
      )
    }
    if (lack === undefined) return undefined
    best = nearer(best, lack)
  }
  return best
}

/** Where one alternative is open, because it could not be decided, the whole is. */
function nearer(before: Lack | undefined, lack: Lack): Lack {
  if (before === undefined) return lack
  return lack.code === 'check_unavailable' || lack.progress > before.progress ? lack : before
}

function findInAll(
  members: readonly CompiledPermission[],
  find: (member: CompiledPermission) => MaybeLack,
  start: number,
): MaybeLack {
  for (let index = start; index < members.length; index++) {
    const lack = find(members[index] as CompiledPermission)
    if (lack instanceof Promise) return lack.then((later) => later ?? findInAll(members, find, index + 1))
    if (lack !== undefined) return lack
  }
  return undefined
}

function compileByKind(permission: PermissionByKind, what: string): CompiledPermission {
  checkNames(what, permission, ['delegated', 'application'])
  const { delegated, application } = permission
  const needs = {
    delegated:
      delegated === undefined ? undefined : readNeed(`${what}.delegated`, delegated, ['scopes', 'roles']),
    application:
      application === undefined ? undefined : readNeed(`${what}.application`, application, ['roles']),
  }
  if (needs.delegated === undefined && needs.application === undefined) throw emptyPermission(what)
  return {
    hasRoleOfAnyKind: false,
    callsApplication: false,
    scope: scopeOf(needs.delegated),
    text: [textOfNeed('delegated', needs.delegated), textOfNeed('application', needs.application)]
      .filter((text) => text !== '')
      .join(' or '),
    findLack(token) {
      const need = token.kind === 'unknown' ? undefined : needs[token.kind]
      return need === undefined ? { code: 'kind_not_allowed', progress: 0 } : findLackOf(need, token)
    },
  }
}

function compileAnyKind(permission: PermissionOfAnyKind, what: string): CompiledPermission {
  const need = readNeed(what, permission, ['scopes', 'roles'])
  const hasRoleOfAnyKind = need.roles.length > 0
  return {
    hasRoleOfAnyKind,
    callsApplication: false,
    scope: scopeOf(need),
    text: textOfNeed('any kind', need),
    findLack(token) {
      // A route's guard is made before it is known whose tokens it will meet.
      if (hasRoleOfAnyKind && token.version !== undefined) throw roleOfNoKind(what)
      return findLackOf(need, token)
    },
  }
}

export function roleOfNoKind(what: string): TypeError {
  return new TypeError(
    `${what}: "roles" of an Entra token must have their kind named: { delegated: { roles } } or { application: { roles } }`,
  )
}

function readNeed(what: string, need: object, names: readonly ('scopes' | 'roles')[]): Need {
  checkObject(what, need)
  checkNames(what, need, names)
  const scopes = readWords(what, 'scopes', need.scopes)
  const roles = readWords(what, 'roles', need.roles)
  if (scopes.length === 0 && roles.length === 0) throw emptyPermission(what)
  return { scopes, roles }
}

function readWords(what: string, name: string, value: unknown): readonly string[] {
  if (value === undefined) return []
  const list = readStringList(what, name, value)
  // A scope is quoted in a header, and both are compared word by word (RFC 6750 section 3).
  if (list.every((word) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(word))) return list
  throw new TypeError(`${what}: "${name}" must hold single words without spaces, quotes or backslashes`)
}

function emptyPermission(what: string): TypeError {
  return new TypeError(`${what}: requires nothing; name the scopes or roles that are needed`)
}

function textOfNeed(kind: string, need: Need | undefined): string {
  if (need === undefined) return ''
  const { scopes, roles } = need
  const parts = [
    ...(scopes.length === 0 ? [] : [`scopes ${scopes.join(' ')}`]),
    ...(roles.length === 0 ? [] : [`roles ${roles.join(' ')}`]),
  ]
  return `${kind}: ${parts.join(', ')}`
}

function scopeOf(need: Need | undefined): string | undefined {
  return need === undefined || need.scopes.length === 0 ? undefined : need.scopes.join(' ')
}

function findLackOf(need: Need, token: ValidatedToken): Lack | undefined {
  const scope = scopeOf(need)
  if (!need.scopes.every((word) => token.scopes.includes(word))) {
    return { code: 'scope_insufficient', scope, progress: 1 }
  }
  const roles = rolesOf(token)
  if (!need.roles.every((word) => roles.includes(word))) {
    return { code: 'role_insufficient', scope, progress: 2 }
  }
  return undefined
}
