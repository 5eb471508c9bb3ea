import {
  anyOf,
  createTokenValidator,
  entra,
  entraMultiTenant,
  refusals,
  staticIssuer,
  type AllowsAnonymous,
  type ApplicationToken,
  type BearerError,
  type DelegatedToken,
  type Groups,
  type Permission,
  type RefusalCode,
  type TokenOfUnknownKind,
  type TokenValidator,
  type TrustedIssuer,
  type ValidatedToken,
} from '@countersign/core'
import { describe, expectTypeOf, it } from 'vitest'

declare global {
  namespace Countersign {
    interface Claims {
      department_of_the_types_test?: string
    }
  }
}

/* What compiles and what must not. The functions are never called: the compiler is the test. */

describe('types', () => {
  it('narrow a token by its kind', () => {
    const read = (token: ValidatedToken): void => {
      // @ts-expect-error a token of unknown kind has no roles of its own
      void token.roles
      if (token.kind === 'delegated') {
        expectTypeOf(token).toEqualTypeOf<DelegatedToken>()
        expectTypeOf(token.userRoles).toEqualTypeOf<readonly string[]>()
        // @ts-expect-error the roles of a user are no application permissions
        void token.roles
      } else if (token.kind === 'application') {
        expectTypeOf(token).toEqualTypeOf<ApplicationToken>()
        expectTypeOf(token.roles).toEqualTypeOf<readonly string[]>()
        // @ts-expect-error a client acting as itself has no user
        void token.userRoles
      } else {
        expectTypeOf(token).toEqualTypeOf<TokenOfUnknownKind>()
        // @ts-expect-error roles of a token of unknown kind are no application permissions
        void token.roles
      }
      expectTypeOf(token.tenantId).toEqualTypeOf<string | undefined>()
      expectTypeOf(token.claims['anything']).toEqualTypeOf<unknown>()
      // @ts-expect-error handlers share the token, so it is read-only
      token.scopes = []
    }
    void read
  })

  it('require a check for overage before groups are read', () => {
    const read = (groups: Groups): readonly string[] => {
      // @ts-expect-error the list exists only where there is no overage
      void groups.ids
      return groups.overage ? [] : groups.ids
    }
    void read
  })

  it('require allowedTenants of a multi-tenant API', () => {
    const make = (): void => {
      // @ts-expect-error allowedTenants is required
      entraMultiTenant({ clientId: 'x' })
      // @ts-expect-error no other word than 'any'
      entraMultiTenant({ allowedTenants: 'all' })
      entraMultiTenant({ allowedTenants: 'any' })
      entraMultiTenant({ allowedTenants: ['x'] })
      entraMultiTenant({ allowedTenants: async (tenantId) => tenantId === 'x' })
    }
    void make
  })

  it('refuse unknown options and values', () => {
    const make = (): void => {
      // @ts-expect-error tenantId is required
      entra({ clientId: 'x' })
      // @ts-expect-error no such cloud
      entra({ tenantId: 'x', cloud: 'mars' })
      // @ts-expect-error issuer is required
      createTokenValidator({ audience: 'x' })
      // @ts-expect-error misspelt
      createTokenValidator({ issuer: 'https://x.example', audiences: 'x' })
      // @ts-expect-error symmetric algorithms are none
      staticIssuer({ issuer: 'x', jwks: {}, algorithms: ['HS256'] })
      // @ts-expect-error a look-alike of a trusted issuer is none
      createTokenValidator({ issuer: { issuer: 'https://x.example' } })
    }
    void make
  })

  it('refuse a permission for what a kind cannot have', () => {
    expectTypeOf({ delegated: { scopes: 'a' }, application: { roles: ['b'] } }).toExtend<Permission>()
    expectTypeOf({ scopes: ['a', 'b'] as const }).toExtend<Permission>()
    expectTypeOf(anyOf([{ scopes: 'a' }])).toExtend<Permission>()
    const guard = (permission: Permission): Permission => permission
    // @ts-expect-error an application has no scopes
    guard({ application: { scopes: 'a' } })
    // @ts-expect-error no such kind
    guard({ daemon: { roles: 'a' } })
  })

  it('name every refusal', () => {
    expectTypeOf<keyof typeof refusals>().toEqualTypeOf<RefusalCode>()
    expectTypeOf<BearerError['code']>().toEqualTypeOf<RefusalCode>()
    expectTypeOf<BearerError['status']>().toEqualTypeOf<400 | 401 | 403 | 503>()
    const read = (code: RefusalCode): boolean => {
      // @ts-expect-error no such code
      if (code === 'token_wrong') return true
      return code === 'token_expired'
    }
    void read
  })

  it('type the methods that are taken off the validator', () => {
    expectTypeOf<TokenValidator['validateToken']>().returns.toEqualTypeOf<Promise<ValidatedToken>>()
    expectTypeOf<TokenValidator['authenticate']>().returns.toEqualTypeOf<
      ValidatedToken | Promise<ValidatedToken>
    >()
  })

  it('let an option be passed as undefined', () => {
    const make = (isLocal: boolean): void => {
      createTokenValidator({
        issuer: entra({
          tenantId: 'a',
          clientId: isLocal ? 'b' : undefined,
          cloud: isLocal ? 'global' : undefined,
        }),
        audience: undefined,
        permission: undefined,
        tokenCache: undefined,
        onRefused: undefined,
      })
    }
    void make
  })

  it('make reading an anonymous caller a compile-time error, where a route opts in', () => {
    const read = (request: AllowsAnonymous<{ auth: ValidatedToken; url: string }>): void => {
      // @ts-expect-error the caller may be anonymous
      void request.auth.objectId
      expectTypeOf(request.auth?.objectId).toEqualTypeOf<string | undefined>()
      expectTypeOf(request.url).toEqualTypeOf<string>()
    }
    void read
  })

  it('have the claims that an application declares, and no others', () => {
    const read = (token: ValidatedToken): void => {
      expectTypeOf(token.claims.department_of_the_types_test).toEqualTypeOf<string | undefined>()
      expectTypeOf(token.claims.anything_else).toEqualTypeOf<unknown>()
    }
    void read
  })

  it('give tryValidateToken a token or a refusal', async () => {
    const read = async ({ tryValidateToken }: TokenValidator): Promise<void> => {
      const { token, error } = await tryValidateToken('')
      // @ts-expect-error there may be no token
      void token.kind
      if (error === undefined) expectTypeOf(token).toEqualTypeOf<ValidatedToken>()
      else expectTypeOf(error).toEqualTypeOf<BearerError>()
    }
    void read
  })

  it('hide the members of a trusted issuer and of a combined permission', () => {
    const issuer = entra({ tenantId: '11111111-1111-4111-8111-111111111111' })
    // @ts-expect-error its members are internal
    void issuer.name
    // @ts-expect-error only a factory makes one
    const made: TrustedIssuer = {}
    void made
  })
})
