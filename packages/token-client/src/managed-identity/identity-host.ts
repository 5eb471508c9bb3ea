import { readFile, stat } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { TokenClientError } from '../base/errors.js'
import type { Fetch } from '../base/guarded-fetch.js'
import { badOption } from '../base/options-reader.js'
import { isSecure } from '../base/secure-url.js'

/** Which identity of the machine, by one of its ids; its own, when none is given. */
export interface IdentityName {
  readonly clientId?: string | undefined
  readonly objectId?: string | undefined
  readonly resourceId?: string | undefined
}

/** Where a machine in Azure asks for tokens of its identity. A new kind of host is a new value of this shape. */
export interface IdentityHost {
  /** For the person who reads an error. */
  readonly name: string
  readonly request: (resource: string, identity: IdentityName, fetch: Fetch) => Promise<Response>
}

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The host that Azure's environment variables name. Throws `TypeError` for one that is not supported. */
export function hostOf(
  environment: Environment,
  arcTokenFolder = arcFolders[process.platform],
): IdentityHost {
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER, IMDS_ENDPOINT, AZURE_POD_IDENTITY_AUTHORITY_HOST } = environment
  const { IDENTITY_SERVER_THUMBPRINT, MSI_ENDPOINT } = environment
  if (IDENTITY_ENDPOINT !== undefined && IDENTITY_SERVER_THUMBPRINT !== undefined)
    throw unsupported('Service Fabric')
  if (IDENTITY_ENDPOINT !== undefined && IDENTITY_HEADER !== undefined) {
    return appService(readEndpoint('IDENTITY_ENDPOINT', IDENTITY_ENDPOINT), IDENTITY_HEADER)
  }
  if (IDENTITY_ENDPOINT !== undefined && IMDS_ENDPOINT !== undefined) {
    return azureArc(readEndpoint('IDENTITY_ENDPOINT', IDENTITY_ENDPOINT), arcTokenFolder)
  }
  if (IDENTITY_ENDPOINT === undefined && MSI_ENDPOINT !== undefined) throw unsupported('Cloud Shell')
  const host = AZURE_POD_IDENTITY_AUTHORITY_HOST ?? 'http://169.254.169.254'
  return virtualMachine(readEndpoint('AZURE_POD_IDENTITY_AUTHORITY_HOST', host))
}

function unsupported(host: string): TypeError {
  return badOption('managedIdentity', 'environment', `names ${host}, which is not supported`)
}

/** Virtual machines, scale sets, and what runs on them: the instance metadata service (IMDS). */
function virtualMachine(host: URL): IdentityHost {
  const endpoint = new URL('/metadata/identity/oauth2/token', host)
  return {
    name: 'managed identity (IMDS)',
    request: (resource, { clientId, objectId, resourceId }, fetch) =>
      ask(fetch, endpoint, { Metadata: 'true' }, '2018-02-01', {
        resource,
        client_id: clientId,
        object_id: objectId,
        msi_res_id: resourceId,
      }),
  }
}

/** App Service, Functions and Container Apps. The header is a secret that the platform gives to the application. */
function appService(endpoint: URL, header: string): IdentityHost {
  return {
    name: 'managed identity (App Service)',
    request: (resource, { clientId, objectId, resourceId }, fetch) =>
      ask(fetch, endpoint, { 'X-IDENTITY-HEADER': header }, '2019-08-01', {
        resource,
        client_id: clientId,
        principal_id: objectId,
        mi_res_id: resourceId,
      }),
  }
}

/** Machines elsewhere that Azure Arc manages. Who can read a file that its agent names is on that machine. */
function azureArc(endpoint: URL, folder: string | undefined): IdentityHost {
  return {
    name: 'managed identity (Azure Arc)',
    async request(resource, { clientId, objectId, resourceId }, fetch) {
      if (clientId !== undefined || objectId !== undefined || resourceId !== undefined) {
        throw new TokenClientError('managed_identity_refused', {
          reason: 'Azure Arc has no user-assigned identities',
        })
      }
      const askWith = (headers: Readonly<Record<string, string>>) =>
        ask(fetch, endpoint, { Metadata: 'true', ...headers }, '2020-06-01', { resource })
      const challenge = await askWith({})
      if (challenge.status !== 401) return challenge
      const secret = await readArcSecret(challenge.headers.get('www-authenticate'), folder)
      return askWith({ Authorization: `Basic ${secret}` })
    },
  }
}

const arcFolders: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: '/var/opt/azcmagent/tokens',
  win32: 'C:\\ProgramData\\AzureConnectedMachineAgent\\Tokens',
}
const maxArcSecretBytes = 4096

/** Only a key file of the agent's own folder: whatever listens at that address must not choose a file to be sent to it. */
async function readArcSecret(challenge: string | null, folder: string | undefined): Promise<string> {
  const path = /^Basic realm="?([^"]+)"?$/i.exec(challenge ?? '')?.[1]
  const isKey =
    path !== undefined &&
    folder !== undefined &&
    resolve(path) === path &&
    dirname(path) === folder &&
    extname(path) === '.key'
  if (!isKey) throw new TokenClientError('service_answer_invalid', { reason: 'www-authenticate' })
  try {
    const { size } = await stat(path)
    if (size <= maxArcSecretBytes) {
      const secret = (await readFile(path, 'latin1')).trim()
      if (/^[\x21-\x7e]+$/.test(secret)) return secret
    }
  } catch {
    // Its path is not ours to print.
  }
  throw new TokenClientError('managed_identity_refused', {
    reason: 'the key file of Azure Arc cannot be read',
  })
}

function ask(
  fetch: Fetch,
  endpoint: URL,
  headers: Readonly<Record<string, string>>,
  version: string,
  parameters: Readonly<Record<string, string | undefined>>,
): Promise<Response> {
  const url = new URL(endpoint)
  url.searchParams.set('api-version', version)
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return fetch(url.href, { headers: { Accept: 'application/json', ...headers } })
}

const linkLocal = /^169\.254\.\d{1,3}\.\d{1,3}$/

function readEndpoint(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  // Plain http stays on the machine or on its link.
  if (url !== undefined && (isSecure(url) || (url.protocol === 'http:' && linkLocal.test(url.hostname))))
    return url
  throw badOption(
    'managedIdentity',
    `environment.${name}`,
    'must be an https address, or http on loopback or 169.254.0.0/16',
  )
}
