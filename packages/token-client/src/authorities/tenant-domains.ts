import { TokenClientError } from '../base/errors.js'
import type { Fetch } from '../base/guarded-fetch.js'
import { isGuid } from '../base/identifiers.js'
import { readRefusal } from '../token-answers/token-answer.js'
import { isSameCloud } from './entra-clouds.js'

const lifeSeconds = 24 * 60 * 60
/** How long a service that could not be asked again is left alone. */
const pauseSeconds = 60
const maxDomains = 1000

/** A name of the DNS with at least one dot. It is put into a path: it holds nothing that could change it. */
export function isDomain(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 253 && /^([a-z0-9-]{1,63}\.)+[a-z]{2,63}$/i.test(value)
}

/** The ids of tenants that are named by a domain, as the service's metadata has them. */
export class TenantDomains {
  readonly #origin: string
  readonly #known = new Map<string, { readonly tenantId: string; readonly until: number }>()
  readonly #asking = new Map<string, Promise<string>>()

  constructor(origin: string) {
    this.#origin = origin
  }

  /** The tenant's GUID. While the service cannot be asked again, the last one remains in use. Throws `TokenClientError`. */
  async resolve(domain: string, fetch: Fetch, now: number): Promise<string> {
    if (!isDomain(domain)) throw new TokenClientError('tenant_unknown')
    const known = this.#known.get(domain)
    if (known !== undefined && now < known.until) return known.tenantId
    let asked = this.#asking.get(domain)
    if (asked === undefined) {
      asked = this.#ask(domain, fetch, now).finally(() => this.#asking.delete(domain))
      this.#asking.set(domain, asked)
    }
    try {
      const tenantId = await asked
      this.#known.delete(domain)
      this.#known.set(domain, { tenantId, until: now + lifeSeconds })
      if (this.#known.size > maxDomains) this.#known.delete(this.#known.keys().next().value!)
      return tenantId
    } catch (error) {
      if (known === undefined) throw error
      this.#known.set(domain, { ...known, until: now + pauseSeconds })
      return known.tenantId
    }
  }

  async #ask(domain: string, fetch: Fetch, now: number): Promise<string> {
    const address = `${this.#origin}/${domain}/v2.0/.well-known/openid-configuration`
    const response = await fetch(address, { headers: { accept: 'application/json' } })
    let body: { readonly issuer?: unknown } = {}
    try {
      body = ((await response.json()) ?? {}) as typeof body
    } catch {
      // Not JSON: it names no tenant.
    }
    if (response.status !== 200) throw readRefusal(response, { ...body }, 'app', now)
    const tenantId = this.#tenantOf(body.issuer)
    if (tenantId === undefined) throw new TokenClientError('metadata_invalid', { reason: 'issuer' })
    return tenantId
  }

  /** The metadata of one tenant has an issuer of the same cloud, with the tenant's id. */
  #tenantOf(issuer: unknown): string | undefined {
    if (typeof issuer !== 'string' || !URL.canParse(issuer)) return undefined
    const { origin, pathname } = new URL(issuer)
    const tenantId = /^\/([^/]+)\/v2\.0$/.exec(pathname)?.[1]
    return isGuid(tenantId) && isSameCloud(origin, this.#origin) ? tenantId.toLowerCase() : undefined
  }
}
