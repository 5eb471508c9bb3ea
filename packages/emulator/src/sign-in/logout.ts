import type { FastifyInstance, FastifyReply } from 'fastify'
import { readParameters } from '../base/parameters.js'
import type { Application } from '../directory/types.js'
import { issuerOf, type Service } from '../instance/service.js'
import { showError } from '../pages/error.js'
import { html } from '../pages/html.js'
import { sendPage } from '../pages/page.js'
import { endBrowserSessions, readBrowserSessions } from './browser-session.js'

/**
 * Ends the browser's sign-ins (OpenID Connect RP-Initiated Logout), notifies the applications that were signed in to in
 * frames (Front-Channel Logout), and redirects to a registered address if one is named.
 */
export function addLogoutEndpoint(app: FastifyInstance, service: Service): void {
  for (const path of ['/:tenant/oauth2/logout', '/:tenant/oauth2/v2.0/logout']) {
    app.route<{ Params: { tenant: string } }>({
      method: ['GET', 'POST'],
      url: path,
      config: { endpoint: 'logout' },
      errorHandler: (error, _request, reply) => showError(error, reply),
      handler: (request, reply) => {
        service.directory.readAuthority(request.params.tenant)
        const parameters = readParameters(request.method === 'POST' ? request.body : request.query)
        const sessions = readBrowserSessions(service, request)
        endBrowserSessions(service, reply)
        const frames = sessions.flatMap(({ tenantId, session, clients }) =>
          clients.flatMap((clientId) => {
            const { logoutUrl } = service.directory.applications.get(clientId) ?? {}
            if (logoutUrl === undefined) return []
            const url = new URL(logoutUrl)
            url.searchParams.set('iss', issuerOf(service, tenantId, '2.0'))
            url.searchParams.set('sid', session.id)
            return [url]
          }),
        )
        const back = readReturn(service, parameters.get('post_logout_redirect_uri'))
        const state = parameters.get('state')
        if (back !== undefined && state !== undefined) back.searchParams.set('state', state)
        if (back !== undefined && frames.length === 0) return reply.redirect(back.href, 302)
        return sendSignedOut(reply, frames, back)
      },
    })
  }
}

/** The address to redirect to, if an application registered it; any other would be an open redirect. */
function readReturn({ directory }: Service, asked: string | undefined): URL | undefined {
  const isRegistered = ({ redirectUris }: Application): boolean =>
    [...redirectUris.web, ...redirectUris.spa, ...redirectUris.publicClient].some((uri) => uri === asked)
  const isKnown = [...directory.applications.values()].some(isRegistered)
  return asked !== undefined && isKnown && URL.canParse(asked) ? new URL(asked) : undefined
}

function sendSignedOut(reply: FastifyReply, frames: readonly URL[], back: URL | undefined): FastifyReply {
  return sendPage(reply, {
    title: 'You have signed out',
    frames: frames.map(({ origin }) => origin),
    body: html`${frames.map((url) => html`<iframe src="${url.href}" hidden></iframe> `)}
    ${back !== undefined && html`<p><a href="${back.href}">Go back to the application</a></p>`}`,
  })
}
