import { readFileSync } from 'node:fs'
import { generate } from 'selfsigned'
import { startEmulator, type Emulator, type Registration } from '@countersign/emulator'
import type { Narrator } from './narrator.js'
import { tracedFetch, type Parties } from './traced-fetch.js'

/** A key pair that the daemon proves itself with, made for this run. */
export interface DaemonCertificate {
  readonly certificate: string
  readonly privateKey: string
}

/** The token service, who is registered at it, and the means to follow what happens. */
export interface Stage {
  readonly narrator: Narrator
  readonly emulator: Emulator
  readonly certificate: DaemonCertificate
  /** The global fetch, narrated under the caller's name. */
  fetchAs(caller: string): typeof fetch
  /** Gives an address a name in what is printed. */
  introduce(origin: string, name: string): void
  /** The id of a registered application. */
  appId(name: string): string
  /** The development secret of a registered application. */
  secret(name: string): string
  tenantId(name: string): string
}

const registrationFile = new URL('../registration.json', import.meta.url)

export async function setStage(narrator: Narrator): Promise<Stage> {
  const certificate = await createCertificate()
  const registration = withCertificate(readRegistration(), 'nightly-daemon', certificate.certificate)
  const emulator = await startEmulator({ registration })
  for (const { appId, displayName } of registration.applications ?? []) {
    if (appId !== undefined) narrator.name(appId, displayName)
  }
  for (const { id, displayName } of registration.tenants) narrator.name(id ?? '', displayName ?? '')
  const parties: Parties = new Map([[emulator.origin, 'token service']])

  const application = (name: string) => {
    const found = registration.applications?.find(({ displayName }) => displayName === name)
    if (found === undefined) throw new Error(`registration.json has no application ${name}`)
    return found
  }
  return {
    narrator,
    emulator,
    certificate,
    fetchAs: (caller) => tracedFetch(narrator, parties, caller),
    introduce: (origin, name) => void parties.set(origin, name),
    appId: (name) => application(name).appId ?? '',
    secret: (name) => application(name).passwordCredentials?.[0]?.secretText ?? '',
    tenantId(name) {
      const tenant = registration.tenants.find(({ displayName }) => displayName === name)
      if (tenant === undefined) throw new Error(`registration.json has no tenant ${name}`)
      return tenant.id ?? ''
    },
  }
}

function readRegistration(): Registration {
  return JSON.parse(readFileSync(registrationFile, 'utf8')) as Registration
}

function withCertificate(registration: Registration, name: string, certificate: string): Registration {
  const applications = registration.applications?.map((application) =>
    application.displayName === name
      ? { ...application, keyCredentials: [{ displayName: 'made for this run', key: certificate }] }
      : application,
  )
  return { ...registration, applications: applications ?? [] }
}

async function createCertificate(): Promise<DaemonCertificate> {
  const pair = await generate([{ name: 'commonName', value: 'nightly-daemon' }], { keySize: 2048 })
  return { certificate: pair.cert, privateKey: pair.private }
}
