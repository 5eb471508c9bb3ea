import {
  clientCertificate,
  clientSecret,
  createTokenClient,
  entraAuthority,
  isTokenClientError,
  oauthAuthority,
  type Authority,
} from '@countersign/token-client'
import { UsageError } from './exit-codes.js'
import type { Credential, TokenCommandFlags } from './token.js'

/** Why no token came. */
export interface NoToken {
  readonly message: string
  /** Of the token service, if it named one. */
  readonly aadsts: number | undefined
  /** Whether trying again later may help. */
  readonly isOutage: boolean
}

/** A token of a client itself (client credentials), from a real token service. */
export async function acquire(flags: TokenCommandFlags, credential: Credential): Promise<string | NoToken> {
  const { client, api, scope, user, flaw, config, emulator } = flags
  if (client === undefined) throw new UsageError('--client must be the client id of the client')
  if (api === undefined && scope === undefined)
    throw new UsageError('name the API with --api, or its scopes with --scope')
  if ([user, flaw, config, emulator].some((value) => value !== undefined)) {
    throw new UsageError('--user, --flaw, --config and --emulator are for tokens of the emulator')
  }
  try {
    const tokens = createTokenClient({
      authority: authorityOf(flags),
      clientId: client,
      credential: 'secret' in credential ? clientSecret(credential.secret) : clientCertificate(credential),
    })
    const target = api === undefined ? { scopes: [...(scope ?? [])] } : { resource: api }
    return (await tokens.acquireForApp(target)).accessToken
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    if (!isTokenClientError(error)) throw error
    const number = error.service?.codes.at(-1)
    return {
      message: `${error.code}: ${error.message}`,
      aadsts: number,
      isOutage: error.action === 'retry',
    }
  }
}

function authorityOf({ tenant, issuer, authority, cloud, v1 }: TokenCommandFlags): Authority {
  if (tenant === undefined) return oauthAuthority({ issuer: issuer ?? '' })
  if (issuer !== undefined) throw new UsageError('--tenant and --issuer exclude each other')
  const place = authority === undefined ? cloud : { authority }
  return entraAuthority({
    tenantId: tenant,
    version: v1 === true ? '1.0' : '2.0',
    ...(place === undefined ? {} : { cloud: place }),
  })
}
