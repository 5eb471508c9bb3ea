import { timingSafeEqual } from 'node:crypto'
import { isGuid, sha256 } from '../base/identifiers.js'
import { isText } from './unverified-claims.js'
import type { SessionOwner, ValidatedUserToken } from './user-token.js'

/** The owner that a validated token, or a plain value, names. Throws `TypeError`. */
export function readOwner(owner: SessionOwner | ValidatedUserToken): SessionOwner {
  if (typeof owner !== 'object' || owner === null) throw notAnOwner()
  const { clientId } = owner
  const tenantId = owner.tenantId ?? ('issuer' in owner ? owner.issuer : undefined)
  const objectId = owner.objectId ?? ('subject' in owner ? owner.subject : undefined)
  if (!isText(tenantId) || !isText(objectId) || !isText(clientId)) throw notAnOwner()
  return { tenantId, objectId, clientId }
}

function notAnOwner(): TypeError {
  return new TypeError(
    'resumeSession: "owner" must be a validated token of a user, or { tenantId, objectId, clientId }',
  )
}

export function isSameOwner(a: SessionOwner, b: SessionOwner): boolean {
  return timingSafeEqual(Buffer.from(sha256(textOf(a))), Buffer.from(sha256(textOf(b))))
}

/** The name of a user among the revocations: one user of one tenant. */
export function userRevocationName({ tenantId, objectId }: Omit<SessionOwner, 'clientId'>): string {
  return JSON.stringify(['user', canonical(tenantId), canonical(objectId)])
}

function textOf({ tenantId, objectId, clientId }: SessionOwner): string {
  return JSON.stringify([canonical(tenantId), canonical(objectId), canonical(clientId)])
}

// A GUID means the same in upper and lower case; a subject of another issuer does not.
function canonical(id: string): string {
  return isGuid(id) ? id.toLowerCase() : id
}
