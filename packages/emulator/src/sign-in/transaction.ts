import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Application, Platform, User } from '../directory/directory.js'
import { EntraError } from '../base/errors.js'
import { sendErrorPage } from '../pages/error.js'
import { sendFormPost } from '../pages/form-post.js'
import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'

/*
 * What the pages for people (authorize, admin consent) have in common: where the answer may go, who signs in, and how
 * one step's form carries the state to the next.
 */

const transactionLifetimeSeconds = 3600

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** Where the answer of a page goes. */
export interface ReturnAddress {
  readonly redirectUri: string
  readonly responseMode: ResponseMode
  readonly state: string | undefined
}

/** Carries the state from one form to the next; only this emulator can make or read it, so no other page can go on. */
export function sealTransaction(service: Service, kind: string, content: object): string {
  return service.seal.seal(kind, { content, expiresAt: service.clock.now() + transactionLifetimeSeconds })
}

/** The state a form sent back, if it was made for that step and is not too old. */
export function openTransaction(service: Service, kind: string, text: string): unknown {
  const sealed = service.seal.open(kind, text) as { content: unknown; expiresAt: number } | undefined
  return sealed !== undefined && service.clock.now() < sealed.expiresAt ? sealed.content : undefined
}

/** A form of ours is sent from a page of ours. */
export function checkSameOrigin(service: Service, request: FastifyRequest): void {
  const { origin, host } = request.headers
  const own = `${new URL(service.origin).protocol}//${host}`
  if (origin !== undefined && origin !== own) throw new EntraError(9002313)
}

/** The user a sign-in form names, by userPrincipalName or id. */
export function readUser(users: readonly User[], form: Parameters): User {
  const name = form.require('user').toLowerCase()
  const user = users.find(
    ({ id, userPrincipalName }) => id === name || userPrincipalName.toLowerCase() === name,
  )
  if (user === undefined) throw new EntraError(70000, { parameter: 'user' })
  if (!user.isEnabled) throw new EntraError(50057)
  return user
}

/**
 * The platform a redirect URI is registered for. It must be registered as it is; only the port of localhost is free.
 * The refusal is shown on a page: an address nobody registered is never redirected to.
 */
export function readPlatform(application: Application, redirectUri: string): Platform {
  const platforms = ['web', 'spa', 'publicClient'] as const
  const platform = platforms.find((candidate) =>
    application.redirectUris[candidate].some((registered) => isSameAddress(registered, redirectUri)),
  )
  if (platform === undefined) throw new EntraError(50011, { redirectUri, client: application.appId })
  return platform
}

function isSameAddress(registered: string, asked: string): boolean {
  if (registered === asked) return true
  if (!URL.canParse(asked)) return false
  const [a, b] = [new URL(registered), new URL(asked)]
  const isLocal = a.hostname === 'localhost' && b.hostname === 'localhost'
  if (!isLocal || b.username !== '' || b.password !== '' || asked.includes('#')) return false
  return a.protocol === b.protocol && a.pathname === b.pathname && a.search === b.search
}

/** Takes an answer back to the client. */
export function sendBack(
  reply: FastifyReply,
  { redirectUri, responseMode, state }: ReturnAddress,
  answer: Readonly<Record<string, string | undefined>>,
): FastifyReply {
  const parameters = new Map(
    Object.entries({ ...answer, state }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
  if (responseMode === 'form_post') return sendFormPost(reply, redirectUri, parameters)
  const encoded = new URLSearchParams([...parameters]).toString()
  const url = new URL(redirectUri)
  if (responseMode === 'fragment') url.hash = encoded
  else url.search = url.search === '' ? encoded : `${url.search}&${encoded}`
  return reply.redirect(url.href, 302)
}

/** The members of a refusal that travel in a redirect. */
export function errorAnswer(error: EntraError): Record<string, string> {
  return { error: error.error, error_description: error.message }
}

/** Shows a refusal on a page; what is not a refusal is the emulator's own fault. */
export function showError(error: unknown, reply: FastifyReply): FastifyReply {
  if (!(error instanceof EntraError)) throw error
  reply.facts.errorCode = error.code
  return sendErrorPage(reply, error)
}
