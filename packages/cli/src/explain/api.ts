import {
  clouds,
  createTokenValidator,
  entra,
  type EntraCloud,
  type Permission,
  type TokenValidator,
  type TokenValidatorOptions,
} from '@countersign/core'
import { UsageError } from '../exit-codes.js'
import { readConfig } from './config-file.js'
import { readEmulatorCloud } from './emulator-cloud.js'
import type { Json } from './unverified.js'

/** How the command line describes an API. */
export interface ApiFlags {
  readonly config?: string | undefined
  readonly issuer?: string | undefined
  readonly tenant?: string | undefined
  readonly clientId?: string | undefined
  readonly cloud?: keyof typeof clouds | undefined
  readonly emulator?: string | undefined
  readonly audience?: readonly string[] | undefined
  readonly scope?: readonly string[] | undefined
  readonly role?: readonly string[] | undefined
  readonly offline?: boolean | undefined
}

/** Whether anything says which API is meant. */
export function isDescribed({ config, issuer, tenant }: ApiFlags): boolean {
  return config !== undefined || issuer !== undefined || tenant !== undefined
}

/**
 * The validator of the API that the flags describe. Throws a UsageError for options that the validator refuses.
 */
export async function validatorOf(flags: ApiFlags, now: number): Promise<TokenValidator> {
  try {
    const options = flags.config === undefined ? await optionsOf(flags) : await readConfig(flags.config)
    return createTokenValidator({
      ...options,
      ...(flags.audience === undefined ? {} : { audience: flags.audience }),
      clock: () => now,
      ...(flags.offline === true ? { fetch: refuseToFetch } : {}),
    })
  } catch (error) {
    // The message of a TypeError of core names the option and what was expected.
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

/** What a route demands. Entra distinguishes users from clients, so a scope is a user's and a role a client's. */
export function permissionOf({ scope, role }: ApiFlags, isEntra: boolean): Permission | undefined {
  if (scope === undefined && role === undefined) return undefined
  if (!isEntra)
    return {
      ...(scope === undefined ? {} : { scopes: scope }),
      ...(role === undefined ? {} : { roles: role }),
    }
  return {
    ...(scope === undefined ? {} : { delegated: { scopes: scope } }),
    ...(role === undefined ? {} : { application: { roles: role } }),
  }
}

/** Whether a token has the shape of Entra's, or the API is one of Entra's. */
export function isOfEntra({ tenant }: ApiFlags, claims: Json | undefined): boolean {
  return (
    tenant !== undefined ||
    (typeof claims?.['tid'] === 'string' && ['1.0', '2.0'].includes(String(claims['ver'])))
  )
}

async function optionsOf({
  issuer,
  tenant,
  clientId,
  cloud,
  emulator,
}: ApiFlags): Promise<Pick<TokenValidatorOptions, 'issuer'>> {
  if (tenant === undefined) return { issuer: issuer ?? '' }
  const chosen: EntraCloud | undefined =
    emulator === undefined ? clouds[cloud ?? 'global'] : await readEmulatorCloud(emulator)
  return {
    issuer: entra({ tenantId: tenant, cloud: chosen, ...(clientId === undefined ? {} : { clientId }) }),
  }
}

/** Throws a UsageError for flags that do not fit together. */
export function checkFlags(flags: ApiFlags): void {
  const { config, issuer, tenant, clientId, audience, emulator, offline, cloud } = flags
  const given = [config, issuer, tenant].filter((value) => value !== undefined)
  if (given.length > 1) throw new UsageError('give one of --config, --issuer and --tenant')
  if (tenant !== undefined && clientId === undefined && audience === undefined) {
    throw new UsageError('--tenant needs --client-id, the application (client) id of the API, or --audience')
  }
  if (issuer !== undefined && audience === undefined) throw new UsageError('--issuer needs --audience')
  if (tenant === undefined && [clientId, emulator, cloud].some((value) => value !== undefined)) {
    throw new UsageError('--client-id, --cloud and --emulator need --tenant')
  }
  if (cloud !== undefined && emulator !== undefined) {
    throw new UsageError('--cloud and --emulator exclude each other')
  }
  if (offline === true && emulator !== undefined) {
    throw new UsageError('--offline and --emulator exclude each other: the emulator is asked for its issuers')
  }
}

function refuseToFetch(): Promise<never> {
  return Promise.reject(new Error('offline'))
}
