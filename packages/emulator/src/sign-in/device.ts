import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { EntraError } from '../base/errors.js'
import { readClaims, readParameters } from '../base/parameters.js'
import type { DeviceSignIn } from '../instance/device-codes.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { showError } from '../pages/error.js'
import { html } from '../pages/html.js'
import { sendPage } from '../pages/page.js'
import { readSignInClient } from './accounts.js'
import { askWho, continueInteraction, type Interaction, type SignInKind } from './flow.js'
import { readScopeRequestAtSignIn } from './requested-scopes.js'
import { checkSameOrigin, sealTransaction } from './transaction.js'

const lifetimeSeconds = 900
const intervalSeconds = 5
const loginPath = '/common/oauth2/deviceauth'

/** Device code flow: one device asks for a code, the user signs in with it on another (RFC 8628). */
export function addDeviceEndpoints(app: FastifyInstance, service: Service): void {
  for (const version of ['1.0', '2.0'] as const) {
    app.post<{ Params: { tenant: string } }>(
      version === '1.0' ? '/:tenant/oauth2/devicecode' : '/:tenant/oauth2/v2.0/devicecode',
      { config: { endpoint: 'deviceCode' } },
      (request, reply) => {
        const form = readParameters(request.body)
        const segment = request.params.tenant
        const authority = service.directory.readAuthority(segment)
        const client = readSignInClient(service, authority, form.require('client_id'))
        const [scope, resource, claims] = [form.get('scope'), form.get('resource'), form.get('claims')]
        if (version === '1.0') form.require('resource')
        else form.require('scope', 90014)
        readClaims(claims)
        if (authority.kind === 'tenant') {
          readScopeRequestAtSignIn(service, authority.tenant, client, { version, scope, resource })
        }
        const started = service.deviceCodes.start({
          version,
          segment,
          clientId: client.appId,
          scope,
          resource,
          claims,
          expiresAt: service.clock.now() + lifetimeSeconds,
        })
        reply.facts.startsFlow = true
        reply.facts.clientId = client.appId
        joinFlow(reply.facts, `device ${started.userCode}`)
        return answer(service, started)
      },
    )
  }
  addLoginPage(app, service)
}

/** On v1.0 another name for the address, and every number a string. */
function answer({ origin }: Service, { version, userCode, deviceCode }: DeviceSignIn): object {
  const uri = `${origin}${loginPath}`
  const message = `To sign in, use a web browser to open the page ${uri} and enter the code ${userCode} to authenticate.`
  const codes = { user_code: userCode, device_code: deviceCode }
  return version === '1.0'
    ? {
        ...codes,
        verification_url: uri,
        expires_in: String(lifetimeSeconds),
        interval: String(intervalSeconds),
        message,
      }
    : { ...codes, verification_uri: uri, expires_in: lifetimeSeconds, interval: intervalSeconds, message }
}

/** The user's page: the code, then the same steps as every sign-in. */
function addLoginPage(app: FastifyInstance, service: Service): void {
  const pending = ({ ending }: Interaction): DeviceSignIn => {
    const { userCode } = ending as { userCode: string }
    return readPending(service, userCode)
  }
  const kind: SignInKind = {
    name: 'device',
    async finish(reply, interaction, { client, tenant, user, session }) {
      pending(interaction).outcome = { kind: 'signedIn', tenantId: tenant.id, userId: user.id, session }
      return sendPage(reply, {
        title: `You have signed in to ${client.displayName}`,
        body: html`<p>Go back to the other device. This window can be closed.</p>`,
      })
    },
    refuse(reply, interaction, error) {
      // Only a refusal by the user ends it; after any other error the user can try again.
      if (error.code === 65004) pending(interaction).outcome = { kind: 'declined' }
      return showError(error, reply)
    },
  }
  app.route({
    method: ['GET', 'POST'],
    url: loginPath,
    config: { endpoint: 'deviceLogin' },
    errorHandler: (error, _request, reply) => showError(error, reply),
    handler: async (request, reply) => {
      if (request.method === 'GET') {
        return sendPage(reply, {
          title: 'Sign in on another device',
          body: html`<form method="post" action="${loginPath}">
            <input type="hidden" name="transaction" value="${sealTransaction(service, 'device start', {})}" />
            <label>The code that the other device shows <input name="user_code" autocomplete="off" /></label>
            <button class="primary">Next</button>
          </form>`,
        })
      }
      checkSameOrigin(service, request)
      const form = readParameters(request.body)
      const userCode = form.get('user_code')
      if (userCode === undefined) return continueInteraction({ service, kind, request, reply }, form)
      const { version, segment, clientId, scope, resource, claims } = readPending(service, userCode)
      reply.facts.clientId = clientId
      const id = randomUUID()
      joinFlow(reply.facts, `device ${userCode.trim().toUpperCase()}`)
      joinFlow(reply.facts, `sign-in ${id}`)
      return askWho(
        { service, kind, request, reply },
        {
          id,
          action: loginPath,
          version,
          segment,
          clientId,
          scope,
          resource,
          claims,
          prompt: undefined,
          loginHint: undefined,
          ending: { userCode },
        },
      )
    },
  })
}

function readPending(service: Service, userCode: string): DeviceSignIn {
  const signIn = service.deviceCodes.byUserCode(userCode)
  if (signIn === undefined || signIn.outcome.kind !== 'pending') throw new EntraError(70018)
  if (service.clock.now() >= signIn.expiresAt) throw new EntraError(70019)
  return signIn
}
