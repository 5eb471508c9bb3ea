import type { RequestHandler } from 'express'

export function auth(options?: object): RequestHandler
export function requiredScopes(scopes: string | string[]): RequestHandler
