import { anyOf, type Permission, type ValidatedToken } from '@countersign/core'
import { describe, expect, it } from 'vitest'
import { compilePermission } from '../src/permission.js'

const common = { claims: {}, header: {}, issuer: 'https://a.example', expiresAt: 0, token: '' }
const user = (scopes: string[], userRoles: string[] = []): ValidatedToken => ({
  ...common,
  kind: 'delegated',
  scopes,
  userRoles,
})
const daemon = (roles: string[], scopes: string[] = []): ValidatedToken => ({
  ...common,
  kind: 'application',
  scopes,
  roles,
})

const context = { now: () => 0, clockToleranceSeconds: 0, authorizationUri: () => undefined }
const findLack = (permission: Permission, token: ValidatedToken) =>
  compilePermission(permission).findLack(token, undefined, context)

function lackOf(permission: Permission, token: ValidatedToken): unknown {
  const lack = findLack(permission, token)
  if (lack instanceof Promise) throw new Error('a permission without conditions needs no promise')
  return lack === undefined ? 'granted' : [lack.code, lack.scope]
}

describe('a permission by kind', () => {
  const permission = {
    delegated: { scopes: ['read', 'write'], roles: ['editor', 'owner'] },
    application: { roles: ['Read.All', 'Write.All'] },
  }

  it.each([
    ['a user with all of it', user(['write', 'x', 'read'], ['owner', 'editor']), 'granted'],
    [
      'a user with one scope of two',
      user(['read'], ['owner', 'editor']),
      ['scope_insufficient', 'read write'],
    ],
    ['a user with one role of two', user(['read', 'write'], ['owner']), ['role_insufficient', 'read write']],
    ['a user without scopes', user([], ['owner', 'editor']), ['scope_insufficient', 'read write']],
    ['a daemon with all of it', daemon(['Write.All', 'Read.All']), 'granted'],
    ['a daemon with one role of two', daemon(['Read.All']), ['role_insufficient', undefined]],
    ["a daemon with a user's scopes", daemon([], ['read', 'write']), ['role_insufficient', undefined]],
    [
      "a user with a daemon's roles",
      user(['read', 'write'], ['Read.All', 'Write.All']),
      ['role_insufficient', 'read write'],
    ],
  ])('finds what is lacking, if anything, for %s', (_, token, lack) => {
    expect(lackOf(permission, token)).toEqual(lack)
  })

  it('of one kind refuses the other with kind_not_allowed', () => {
    expect(lackOf({ delegated: { scopes: 'read' } }, daemon(['read'], ['read']))).toEqual([
      'kind_not_allowed',
      undefined,
    ])
    expect(lackOf({ application: { roles: 'r' } }, user(['r'], ['r']))).toEqual([
      'kind_not_allowed',
      undefined,
    ])
  })

  it('whose only kind is undefined is a TypeError', () => {
    expect(() => compilePermission({ delegated: undefined } as never)).toThrow('requires nothing')
  })
})

describe('a permission of any kind', () => {
  it.each([
    ['a user', user(['read'], ['editor'])],
    ['a daemon', daemon(['editor'], ['read'])],
  ])('accepts %s with all of it', (_, token) => {
    expect(lackOf({ scopes: 'read', roles: 'editor' }, token)).toBe('granted')
    expect(lackOf({ scopes: ['read', 'write'] }, token)).toEqual(['scope_insufficient', 'read write'])
    expect(lackOf({ roles: ['editor', 'owner'] }, token)).toEqual(['role_insufficient', undefined])
  })

  it('that names roles throws for a token of Entra, whose roles have a kind', () => {
    const token = { ...user(['read'], ['editor']), version: '2.0' } as const
    expect(() => findLack({ roles: 'editor' }, token)).toThrow(TypeError)
    expect(lackOf({ scopes: 'read' }, token)).toBe('granted')
  })
})

describe('anyOf', () => {
  const permission = anyOf([
    { delegated: { scopes: 'write', roles: 'editor' } },
    { application: { roles: 'Write.All' } },
    anyOf([{ scopes: 'admin' }]),
  ])

  it.each([
    ['the first', user(['write'], ['editor'])],
    ['the second', daemon(['Write.All'])],
    ['the nested one', user(['admin'])],
  ])('is granted by %s of its alternatives', (_, token) => {
    expect(lackOf(permission, token)).toBe('granted')
  })

  it('refuses with what the nearest alternative lacks', () => {
    expect(lackOf(permission, user(['write']))).toEqual(['role_insufficient', 'write'])
    expect(lackOf(permission, user([]))).toEqual(['scope_insufficient', 'write'])
    expect(lackOf(anyOf([{ scopes: 'admin' }, permission]), user(['write']))).toEqual([
      'role_insufficient',
      'write',
    ])
  })

  it('finds a role without a kind at any depth', () => {
    expect(compilePermission(anyOf([{ scopes: 'a' }, anyOf([{ roles: 'b' }])])).hasRoleOfAnyKind).toBe(true)
    expect(compilePermission(permission).hasRoleOfAnyKind).toBe(false)
  })

  it.each([[[{}]], [[{ scopes: 'a' }, {}]], ['a'], [{ scopes: 'a' }]])('of %j is a TypeError', (list) => {
    expect(() => compilePermission(anyOf(list as never))).toThrow(TypeError)
  })
})
