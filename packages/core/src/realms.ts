import { CallBudget } from './call-budget.js'
import { withinTime } from './deadline.js'
import { BearerError } from './errors.js'
import {
  createTrustedIssuer,
  rulesOf,
  type IssuerRules,
  type RealmRules,
  type TrustedIssuer,
} from './issuer.js'
import type { IssuerWithKeys } from './issuer-with-keys.js'
import { oidcIssuer, type OidcIssuerOptions } from './oidc.js'
import { checkNames, checkObject, readFunction, readSeconds } from './options-reader.js'

/** Options of `oidcIssuers`. */
export interface OidcIssuersOptions {
  /**
   * The settings of one issuer, or undefined where it is not trusted. It gets `iss` of a token whose signature is not
   * verified: compare it, and never build an address from it. Only `undefined` refuses. A function that throws, rejects, or
   * does not answer within 5 seconds is answered with 503, and so are settings that `oidcIssuer` does not accept, or that are
   * of another issuer.
   */
  readonly resolve: (iss: string) => OidcIssuerOptions | undefined | Promise<OidcIssuerOptions | undefined>
  /** How many issuers are remembered, each with its keys. Default: 1000. */
  readonly maxIssuers?: number | undefined
  /** How long settings are used before the function is called again. Default: 300, at most 86400. */
  readonly maxAgeSeconds?: number | undefined
}

/**
 * Issuers that appear while the API runs: realms of one server, tenants in a database. Each of them follows the rules of
 * `oidcIssuer`. Every address that is fetched comes from the settings, none from a token. Issuers that are configured
 * beside it come first: the function is not called for theirs. Throws a TypeError if an option is wrong.
 *
 * Calls for unknown issuers are bounded (50 at once, then 10 a second; beyond that 503), and an answer of undefined is
 * remembered for a minute. It does not separate the data of your issuers: `token.issuer` does that.
 *
 * @example
 * ```ts
 * import { createTokenValidator, oidcIssuers } from '@countersign/core'
 *
 * const realms = new Map([['https://id.example/realms/acme', { audience: 'orders-api' }]])
 * const validator = createTokenValidator({
 *   issuer: oidcIssuers({
 *     resolve(iss) {
 *       const settings = realms.get(iss)
 *       return settings && { issuer: iss, ...settings }
 *     },
 *   }),
 * })
 * ```
 */
export function oidcIssuers(options: OidcIssuersOptions): TrustedIssuer {
  const what = 'oidcIssuers'
  checkObject(what, options)
  checkNames(what, options, ['resolve', 'maxIssuers', 'maxAgeSeconds'])
  const { maxIssuers = 1000, maxAgeSeconds = 300 } = options
  if (!Number.isSafeInteger(maxIssuers) || maxIssuers < 1) {
    throw new TypeError(`${what}: "maxIssuers" must be a positive whole number`)
  }
  const noAudiences = Object.freeze([])
  return createTrustedIssuer({
    name: what,
    issuers: [],
    realms: {
      resolve: readFunction(what, 'resolve', options.resolve),
      maxIssuers,
      maxAgeSeconds: readSeconds(what, 'maxAgeSeconds', maxAgeSeconds, { from: 1, to: 86_400 }),
    },
    algorithms: [],
    rsaKeysServeAnyAlgorithm: false,
    settings: { audience: undefined, allowedClients: undefined, requiredClaims: undefined },
    audienceSources: [],
    acceptsMissingAudience: false,
    keySource: async () => ({ jwks: [] }),
    absentKeyGraceSeconds: 0,
    requiresKeyId: false,
    needsMetadata: false,
    // Its tokens are those of the issuers that it resolves.
    recognise: () => undefined,
    checkTokenType() {},
    checkTenant() {},
    checkKey() {},
    impliedAudiences: () => noAudiences,
    readIdentity() {
      throw new BearerError('issuer_not_trusted', { claim: 'iss' })
    },
  })
}

interface Realm {
  readonly issuer: IssuerWithKeys
  readonly resolvedAt: number
}

const maxIssuerLength = 2048
const maxAbsent = 1000
const absentSeconds = 60

/** The issuers that one validator has resolved. */
export class Realms {
  readonly #rules: RealmRules
  /** Puts resolved rules to work. Throws a TypeError where they lack an audience. */
  readonly #open: (
    rules: IssuerRules,
    validUntil: number,
    before: IssuerWithKeys | undefined,
  ) => IssuerWithKeys
  readonly #known = new Map<string, Realm>()
  readonly #absent = new Map<string, number>()
  readonly #inFlight = new Map<string, Promise<IssuerWithKeys | undefined>>()
  readonly #unknownCalls = new CallBudget({ size: 50, refillSeconds: 0.1 })

  constructor(
    rules: RealmRules,
    open: (rules: IssuerRules, validUntil: number, before: IssuerWithKeys | undefined) => IssuerWithKeys,
  ) {
    this.#rules = rules
    this.#open = open
  }

  /** The realm of an issuer; undefined where it is not trusted. Immediate for a realm that was resolved a short time ago. */
  find(iss: string, now: number): IssuerWithKeys | undefined | Promise<IssuerWithKeys | undefined> {
    if (iss.length > maxIssuerLength) return undefined
    const known = this.#known.get(iss)
    if (known !== undefined && now < known.issuer.validUntil && now >= known.resolvedAt) return known.issuer
    if (Math.abs(now - (this.#absent.get(iss) ?? -Infinity)) < absentSeconds) return undefined
    const underWay = this.#inFlight.get(iss)
    if (underWay !== undefined) return underWay
    // A flood of invented issuers costs a bounded number of calls. Known ones are asked for in any case.
    if (known === undefined && !this.#unknownCalls.take(now)) throw unavailable('issuers')
    const resolving = this.#resolve(iss, now, known?.issuer).finally(() => this.#inFlight.delete(iss))
    this.#inFlight.set(iss, resolving)
    return resolving
  }

  close(): void {
    for (const { issuer } of this.#known.values()) issuer.keys.close()
  }

  async #resolve(
    iss: string,
    now: number,
    before: IssuerWithKeys | undefined,
  ): Promise<IssuerWithKeys | undefined> {
    let settings: unknown
    try {
      settings = await withinTime(this.#rules.resolve(iss))
    } catch {
      throw unavailable('issuers')
    }
    if (settings === undefined) {
      this.#forget(iss, now)
      return undefined
    }
    const issuer = this.#openSettings(iss, settings, now, before)
    if (!this.#known.has(iss) && this.#known.size >= this.#rules.maxIssuers) this.#evictOldest()
    this.#known.delete(iss)
    this.#known.set(iss, { issuer, resolvedAt: now })
    return issuer
  }

  /** Settings are the application's: what is wrong with them is not the caller's fault. */
  #openSettings(
    iss: string,
    settings: unknown,
    now: number,
    before: IssuerWithKeys | undefined,
  ): IssuerWithKeys {
    try {
      const rules = rulesOf(oidcIssuer(settings as OidcIssuerOptions)) as IssuerRules
      if (rules.issuers.includes(iss)) return this.#open(rules, now + this.#rules.maxAgeSeconds, before)
    } catch {
      // The same answer as for settings of another issuer.
    }
    throw unavailable('issuer_settings')
  }

  #forget(iss: string, now: number): void {
    this.#known.get(iss)?.issuer.keys.close()
    this.#known.delete(iss)
    if (this.#absent.size >= maxAbsent) this.#absent.clear()
    this.#absent.set(iss, now)
  }

  #evictOldest(): void {
    const [oldest] = this.#known
    if (oldest === undefined) return
    oldest[1].issuer.keys.close()
    this.#known.delete(oldest[0])
  }
}

function unavailable(reason: 'issuers' | 'issuer_settings'): BearerError {
  return new BearerError('check_unavailable', { reason })
}
