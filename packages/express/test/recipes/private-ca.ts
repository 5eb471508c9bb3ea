import { Agent, fetch } from 'undici'
import { createTokenValidator, oidcIssuer, type TokenValidator } from '@countersign/express'

/** Metadata and keys from a server whose certificate is of a certificate authority of your own. */
export function validatorBehindPrivateCa(issuer: string, audience: string, ca: string): TokenValidator {
  const dispatcher = new Agent({ connect: { ca } })
  return createTokenValidator({
    issuer: oidcIssuer(issuer),
    audience,
    fetch: async (url, init) => {
      const { status, headers, body } = await fetch(url, { ...init, dispatcher })
      return new Response(body as ReadableStream | null, { status, headers: [...headers] })
    },
  })
}
