import { BearerError } from './errors.js'
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

/** Made by `anyOf`: one of several permissions is enough. Its members are internal. */
export interface AnyOfPermissions {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:anyOf': never
}

/** What a token must be granted to pass. */
export type Permission = PermissionByKind | PermissionOfAnyKind | AnyOfPermissions

/** The same in all copies of this package: an application may load one by `import` and another by `require`. */
const alternatives = Symbol.for('@countersign/core:any-of')

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
  if (!Array.isArray(permissions) || permissions.length === 0) {
    throw new TypeError('anyOf: expected a non-empty list of permissions')
  }
  const combined = Object.freeze({ [alternatives]: Object.freeze([...permissions]) })
  compiledOf.set(combined, compileAnyOf(permissions, 'anyOf'))
  return combined as unknown as AnyOfPermissions
}

/** A permission that was read and found well-formed. */
export interface CompiledPermission {
  /** Whether it demands a role of whatever kind of token: an Entra issuer's tokens cannot be held to that. */
  readonly hasRoleOfAnyKind: boolean
  /** Scopes that are enough for a user; undefined where the permission demands none. */
  readonly scope: string | undefined
  /** What the token lacks; undefined if it has the permission. */
  findLack(token: ValidatedToken): Lack | undefined
}

/** Why a token does not have a permission. */
interface Lack {
  readonly code: 'kind_not_allowed' | 'scope_insufficient' | 'role_insufficient'
  readonly scope?: string | undefined
  /** How far the comparison came: the alternative that came furthest says most about what is missing. */
  readonly progress: number
}

/** Throws the 403 of a permission that the token does not have. */
export function checkPermission(permission: CompiledPermission | undefined, token: ValidatedToken): void {
  const lack = permission?.findLack(token)
  if (lack !== undefined) throw new BearerError(lack.code, { scope: lack.scope })
}

interface Need {
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

/** Reads a permission once, at start-up. Throws a TypeError where it is malformed, or empty: nothing required would mean everyone. */
export function compilePermission(permission: Permission, what = 'permission'): CompiledPermission {
  checkObject(what, permission)
  if (alternatives in permission) return compileCombined(permission, what)
  if ('delegated' in permission || 'application' in permission) return compileByKind(permission, what)
  return compileAnyKind(permission, what)
}

function compileCombined(permission: object, what: string): CompiledPermission {
  let compiled = compiledOf.get(permission)
  if (compiled === undefined) {
    const { [alternatives]: permissions } = permission as { [alternatives]: readonly Permission[] }
    compiled = compileAnyOf(permissions, what)
    compiledOf.set(permission, compiled)
  }
  return compiled
}

function compileAnyOf(permissions: readonly Permission[], what: string): CompiledPermission {
  const compiled = permissions.map((permission) => compilePermission(permission, what))
  return {
    hasRoleOfAnyKind: compiled.some((permission) => permission.hasRoleOfAnyKind),
    scope: compiled.find(({ scope }) => scope !== undefined)?.scope,
    findLack(token) {
      let nearest: Lack | undefined
      for (const permission of compiled) {
        const lack = permission.findLack(token)
        if (lack === undefined) return undefined
        if (nearest === undefined || lack.progress > nearest.progress) nearest = lack
      }
      return nearest
    },
  }
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
    scope: scopeOf(needs.delegated),
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
    scope: scopeOf(need),
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
