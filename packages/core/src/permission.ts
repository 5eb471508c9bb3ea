import type { RefusalCode, RefusalDetail } from './errors.js'
import { checkNames, checkObject, readStringList } from './options-reader.js'
import type { ValidatedToken } from './validated-token.js'

/** One word or several: all of them are needed. */
export type Words = string | readonly string[]

/** What each kind of token must have. A kind that is not named is refused. */
export interface PermissionByKind {
  /** A user's token: scopes the client was granted, app roles the user has. */
  readonly delegated?: { readonly scopes?: Words; readonly roles?: Words }
  /** A client's own token: application permissions it was granted. */
  readonly application?: { readonly roles: Words }
}

/**
 * What any token must have, whatever its kind: for issuers whose daemons carry `scope`. With Entra a role needs its kind
 * named, because a user's role is no application permission.
 */
export interface PermissionOfAnyKind {
  readonly scopes?: Words
  readonly roles?: Words
}

const alternatives: unique symbol = Symbol('alternatives')

/** Made by `anyOf`: one of several permissions is enough. */
export interface AnyOfPermissions {
  readonly [alternatives]: readonly Permission[]
}

/** What a token must be granted to pass. */
export type Permission = PermissionByKind | PermissionOfAnyKind | AnyOfPermissions

/** One of these is enough. Throws a TypeError for an empty list. */
export function anyOf(permissions: readonly Permission[]): AnyOfPermissions {
  if (!Array.isArray(permissions) || permissions.length === 0) {
    throw new TypeError('anyOf: expected a non-empty list of permissions')
  }
  return Object.freeze({ [alternatives]: Object.freeze([...permissions]) })
}

/** The answer of a permission to a token: undefined grants; else what to refuse with. */
export type Verdict =
  | { readonly code: RefusalCode; readonly detail: RefusalDetail; readonly progress: number }
  | undefined

/** A permission that was read and found well-formed. */
export interface CompiledPermission {
  /** Whether it demands a role of whatever kind of token: an Entra issuer's tokens cannot be held to that. */
  readonly hasRoleOfAnyKind: boolean
  judge(token: ValidatedToken): Verdict
}

interface Need {
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

/** Reads a permission once, at start-up. Throws a TypeError where it is malformed, or empty: nothing required would mean everyone. */
export function compilePermission(permission: Permission, what = 'permission'): CompiledPermission {
  checkObject(what, permission)
  if (alternatives in permission) return compileAnyOf((permission as AnyOfPermissions)[alternatives], what)
  if ('delegated' in permission || 'application' in permission) return compileByKind(permission, what)
  return compileAnyKind(permission, what)
}

function compileAnyOf(permissions: readonly Permission[], what: string): CompiledPermission {
  const compiled = permissions.map((permission) => compilePermission(permission, what))
  return {
    hasRoleOfAnyKind: compiled.some((permission) => permission.hasRoleOfAnyKind),
    judge(token) {
      let nearest: Verdict
      for (const permission of compiled) {
        const verdict = permission.judge(token)
        if (verdict === undefined) return undefined
        // The alternative that got furthest says most about what is missing.
        if (nearest === undefined || verdict.progress > nearest.progress) nearest = verdict
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
    judge(token) {
      const need = needs[token.kind]
      if (need === undefined) return { code: 'kind_not_allowed', detail: {}, progress: 0 }
      return judgeNeed(need, token)
    },
  }
}

function compileAnyKind(permission: PermissionOfAnyKind, what: string): CompiledPermission {
  const need = readNeed(what, permission, ['scopes', 'roles'])
  const hasRoleOfAnyKind = need.roles.length > 0
  return {
    hasRoleOfAnyKind,
    judge(token) {
      // A route's guard is made before it is known whose tokens it will meet.
      if (hasRoleOfAnyKind && token.version !== undefined) throw roleOfNoKind(what)
      return judgeNeed(need, token)
    },
  }
}

export function roleOfNoKind(what: string): TypeError {
  return new TypeError(
    `${what}: "roles" of an Entra token need their kind named: { delegated: { roles } } or { application: { roles } }`,
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
  // A scope stands in a quoted string of a header, and both are compared word by word (RFC 6750 section 3).
  if (list.every((word) => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(word))) return list
  throw new TypeError(`${what}: "${name}" must hold single words without spaces, quotes or backslashes`)
}

function emptyPermission(what: string): TypeError {
  return new TypeError(`${what}: requires nothing; name the scopes or roles that are needed`)
}

function judgeNeed(need: Need, token: ValidatedToken): Verdict {
  const scope = need.scopes.length === 0 ? {} : { scope: need.scopes.join(' ') }
  if (!need.scopes.every((word) => token.scopes.includes(word))) {
    return { code: 'scope_insufficient', detail: scope, progress: 1 }
  }
  const roles = token.kind === 'delegated' ? token.userRoles : token.roles
  if (!need.roles.every((word) => roles.includes(word))) {
    return { code: 'role_insufficient', detail: scope, progress: 2 }
  }
  return undefined
}
