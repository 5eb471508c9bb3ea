import { createHash } from 'node:crypto'
import { EntraError } from '../base/errors.js'
import { readScopeRequest } from '../directory/scope-request.js'
import type { Session } from '../directory/sessions.js'
import type { Platform, Version } from '../directory/types.js'
import { joinFlow } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import type { TokenAnswer } from './answer.js'
import { authenticateClientOf } from './client-authentication.js'
import { answerDelegated } from './delegated.js'
import type { TokenRequest } from './request.js'

/** What is sealed in an authorization code. */
export interface CodeContent {
  readonly id: string
  readonly version: Version
  /** The tenant segment the sign-in ran under. */
  readonly segment: string
  readonly tenantId: string
  readonly userId: string
  readonly clientId: string
  readonly redirectUri: string
  readonly platform: Platform
  readonly session: Session
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly nonce: string | undefined
  readonly codeChallenge: string | undefined
  readonly codeChallengeMethod: 'plain' | 'S256'
  readonly expiresAt: number
}

/** Issues the tokens for a sign-in at the authorize endpoint (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export async function authorizationCode(service: Service, request: TokenRequest): Promise<TokenAnswer> {
  const { directory, clock } = service
  const { form, version } = request
  directory.readAuthority(request.segment)
  const code = openCode(service, form.require('code'))
  joinFlow(request.facts, `code ${code.id}`)
  const tenant = directory.tenant(code.tenantId)
  const client = await authenticateClientOf(code.platform, service, request, tenant)
  if (client.application.appId !== code.clientId) throw new EntraError(70000, { parameter: 'code' })
  if (request.segment.toLowerCase() !== code.segment.toLowerCase()) throw new EntraError(700005)
  if (form.require('redirect_uri') !== code.redirectUri) throw new EntraError(500112)
  checkVerifier(code, form.get('code_verifier'))
  if (clock.now() >= code.expiresAt) throw new EntraError(70008)
  if (!service.redeemedCodes.use(code.id, code.expiresAt, clock.now())) throw new EntraError(54005)
  // Before the answer: the code must stay redeemed also if the process is killed now.
  await service.changed()

  const user = tenant.users.get(code.userId)
  if (user === undefined) throw new EntraError(70000, { parameter: 'code' })
  const resource = form.get('resource') ?? code.resource
  const consented = readScopeRequest(service, tenant, { version, scope: code.scope, resource })
  const named = form.get('scope')
  const narrowed =
    named === undefined ? consented : readScopeRequest(service, tenant, { version, scope: named, resource })
  if (named !== undefined && narrowed.targets.length > 1) throw new EntraError(28000)
  // The sign-in scopes of the code (an id token, a refresh token) count also if this request names only an API.
  const asked = { signIn: new Set([...consented.signIn, ...narrowed.signIn]), targets: narrowed.targets }
  return answerDelegated(service, request, {
    tenant,
    user,
    client,
    platform: code.platform,
    session: code.session,
    asked,
    scope: named ?? code.scope,
    resource,
    nonce: code.nonce,
    withIdToken: version === '1.0' || asked.signIn.has('openid'),
    withRefreshToken: version === '1.0' || asked.signIn.has('offline_access'),
  })
}

function openCode(service: Service, text: string): CodeContent {
  const content = service.seal.open('code', text) as CodeContent | undefined
  if (content === undefined) throw new EntraError(9002313, {}, { error: 'invalid_grant' })
  return content
}

function checkVerifier(
  { codeChallenge, codeChallengeMethod }: CodeContent,
  verifier: string | undefined,
): void {
  if (codeChallenge !== undefined && verifier === undefined) throw new EntraError(50148)
  // A verifier without a challenge is refused too: an attacker may have removed the challenge from the request.
  const expected =
    verifier === undefined || codeChallengeMethod === 'plain'
      ? verifier
      : createHash('sha256').update(verifier).digest('base64url')
  if (expected !== codeChallenge) throw new EntraError(501481)
}
