// Takes values of the packages as a CommonJS module sees their types.
import type { Permission, TrustedIssuer, ValidatedToken } from '@countersign/core'
import type { BearerAuthOptions } from '@countersign/express'

export declare function takePermission(permission: Permission): void
export declare function takeIssuer(issuer: TrustedIssuer): void
export declare function takeToken(token: ValidatedToken): void
export declare function takeOptions(options: BearerAuthOptions): void
