// Hands values of the ES modules to functions that are typed in a CommonJS module: both kinds of declarations must agree.
import { anyOf, createTokenValidator, entra, type ValidatedToken } from '@countersign/core'
import { takeIssuer, takeOptions, takePermission, takeToken } from './guard.cjs'

declare const token: ValidatedToken
const issuer = entra({ tenantId: 'contoso.example', clientId: 'api' })
takePermission(anyOf([{ scopes: 'a' }]))
takeIssuer(issuer)
takeToken(token)
takeOptions({ issuer })
takeOptions({ validator: createTokenValidator({ issuer }) })
