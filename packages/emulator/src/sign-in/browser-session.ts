import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../directory/sessions.js'
import type { User } from '../directory/types.js'
import type { Service } from '../instance/service.js'

/** A browser's sign-in: a user at home, and the applications that were signed in to. */
export interface BrowserSession {
  readonly tenantId: string
  readonly userId: string
  readonly session: Session
  readonly clients: readonly string[]
}

const most = { sessions: 5, clients: 20, bytes: 8000 }

/** Who is signed in with this browser. Sessions of another instance and ended sign-ins are ignored. */
export function readBrowserSessions(service: Service, request: FastifyRequest): BrowserSession[] {
  const cookies = (request.headers.cookie ?? '').slice(0, most.bytes).split(/; */)
  const prefix = `${cookieName(service)}=`
  const text = cookies.find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length)
  const opened = text === undefined ? undefined : service.seal.open('browser', text)
  const sessions = (opened as { sessions: BrowserSession[] } | undefined)?.sessions ?? []
  return sessions.filter(({ tenantId, userId, session }) => {
    const user = service.directory.tenants.get(tenantId)?.users.get(userId)
    return user?.isEnabled === true && session.startedAt >= user.sessionsValidFrom
  })
}

/** The browser session of a user: a guest is signed in with the account at home. */
export function sessionOf(sessions: readonly BrowserSession[], user: User): BrowserSession | undefined {
  const home = homeOf(user)
  return sessions.find(({ tenantId, userId }) => tenantId === home.tenantId && userId === home.userId)
}

/** Remembers a sign-in in the browser, and the application it reached. */
export function keepBrowserSession(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  user: User,
  session: Session,
  clientId?: string,
): void {
  const sessions = readBrowserSessions(service, request)
  const known = sessionOf(sessions, user)
  const joined = clientId === undefined ? [] : [clientId]
  const clients = [...new Set([...(known?.clients ?? []), ...joined])].slice(-most.clients)
  const kept: BrowserSession = { ...homeOf(user), session, clients }
  writeCookie(service, reply, [...sessions.filter((other) => other !== known), kept].slice(-most.sessions))
}

export function endBrowserSessions(service: Service, reply: FastifyReply): void {
  writeCookie(service, reply, [])
}

function homeOf(user: User): { tenantId: string; userId: string } {
  return user.home ?? { tenantId: user.tenantId, userId: user.id }
}

function writeCookie(service: Service, reply: FastifyReply, sessions: readonly BrowserSession[]): void {
  const value = sessions.length === 0 ? '' : service.seal.seal('browser', { sessions })
  const end = sessions.length === 0 ? '; Max-Age=0' : ''
  // Like Entra's cookie, it is sent in frames of applications, which browsers allow over https alone. A form of ours
  // that changes anything contains a sealed transaction.
  const site = service.origin.startsWith('https:') ? 'SameSite=None; Secure' : 'SameSite=Lax'
  // The last cookie of an answer replaces earlier ones: each step knows more than the one before.
  reply.removeHeader('set-cookie')
  reply.header('set-cookie', `${cookieName(service)}=${value}; Path=/; HttpOnly; ${site}${end}`)
}

/** Cookies are shared by all ports of a host; instances are not. */
function cookieName({ origin }: Service): string {
  return `countersign_emulator_${new URL(origin).port}`
}
