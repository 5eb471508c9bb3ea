import type { FastifyReply, FastifyRequest } from 'fastify'

type Pages = typeof import('./pages.js')

/** The pages are a quarter of all files: they are loaded with the first request for one. */
export const loadPages = (): Promise<Pages> => import('./pages.js')

export type ErrorHandler = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<FastifyReply>

/** The options of a route that shows something. */
export interface PageRoute {
  readonly errorHandler: ErrorHandler
}

/** The options of a route that changes something. */
export interface FormRoute extends PageRoute {
  readonly bodyLimit: number
}
