import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { compactVerify } from 'jose/jws/compact/verify'
import { decodeJwt } from 'jose/jwt/decode'
import { EntraError, printedTime } from '../base/errors.js'
import { isWithin } from '../base/period.js'
import type { Application, Certificate, Tenant } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import { checkFederatedAssertion } from './federation.js'
import type { TokenRequest } from './request.js'

/** How far in the future an assertion may begin: the client's clock may be ahead. Its end is exact. */
const earlyAssertionSeconds = 300

/** Accepts what a client sends in place of a secret: a JWT of its own, or one of an issuer it trusts. */
export async function checkClientAssertion(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  application: Application,
  assertion: string,
): Promise<void> {
  if (isForeign(assertion)) await checkFederatedAssertion(service, application, assertion)
  else await checkOwnAssertion(service, request, tenant, application, assertion)
}

/** An assertion the client did not make itself names its issuer by an address. */
function isForeign(assertion: string): boolean {
  try {
    return URL.canParse(decodeJwt(assertion).iss ?? '')
  } catch {
    return false
  }
}

/** RFC 7523 §3, with a registered certificate: PS256 or RS256, found by its thumbprint. */
async function checkOwnAssertion(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  application: Application,
  assertion: string,
): Promise<void> {
  const { certificate, claims: unverifiedClaims } = readAssertion(application, assertion)
  if (certificate.publicKey.asymmetricKeyType !== 'rsa') {
    throw new EntraError(700027, { reason: 'The key uses an unsupported asymmetric signing algorithm.' })
  }
  await compactVerify(assertion, certificate.publicKey, { algorithms: ['PS256', 'RS256'] }).catch(() => {
    throw new EntraError(700027, { reason: 'The key was found, but the signature is not valid.' })
  })
  const now = service.clock.now()
  if (!isWithin(certificate, now)) throw new EntraError(1000502)

  const { iss, sub, aud, exp, nbf = 0 } = unverifiedClaims
  if (iss !== application.appId || sub !== application.appId) throw new EntraError(700021)
  const audiences = typeof aud === 'string' ? [aud] : (aud ?? [])
  if (!audiences.some((audience) => isTokenEndpoint(service, request, tenant, audience)))
    throw new EntraError(700023)
  if (typeof exp !== 'number' || typeof nbf !== 'number') throw new EntraError(50027)
  if (now >= exp || nbf > now + earlyAssertionSeconds) {
    throw new EntraError(700024, { now: printedTime(now), from: printedTime(nbf), expiry: printedTime(exp) })
  }
}

function readAssertion(
  application: Application,
  assertion: string,
): { certificate: Certificate; claims: ReturnType<typeof decodeJwt> } {
  let header: ReturnType<typeof decodeProtectedHeader>
  let claims: ReturnType<typeof decodeJwt>
  try {
    header = decodeProtectedHeader(assertion)
    claims = decodeJwt(assertion)
  } catch {
    throw new EntraError(50027)
  }
  const [sha256, sha1] = [header['x5t#S256'], header.x5t]
  if (typeof sha256 !== 'string' && typeof sha1 !== 'string') throw new EntraError(50027)
  const certificate = application.certificates.find((candidate) =>
    typeof sha256 === 'string' ? candidate.sha256 === sha256 : candidate.sha1 === sha1,
  )
  if (certificate === undefined) throw new EntraError(700027, { reason: 'The key was not found.' })
  return { certificate, claims }
}

/** The tenant's token endpoint of either version, by any of the tenant's names. */
function isTokenEndpoint(
  service: Service,
  request: TokenRequest,
  tenant: Tenant,
  audience: unknown,
): boolean {
  return [tenant.id, ...tenant.domains, request.segment].some(
    (name) =>
      audience === `${service.origin}/${name}/oauth2/token` ||
      audience === `${service.origin}/${name}/oauth2/v2.0/token`,
  )
}
