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
 * Calls for unknown issuers that have to wait are bounded (50 at once, then 10 a second; beyond that 503), and an answer of
 * undefined is remembered for a minute. So answer immediately, without a promise, for an `iss` that cannot be yours: such
 * answers are not counted, and a flood of them keeps no new issuer out. It does not separate the data of your issuers:
 * `token.issuer` does that.
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
  /** What the factory made. */
  readonly value: TrustedIssuer
  readonly #rules: RealmRules
  /** Puts resolved rules to work. Throws a TypeError where they lack an audience. */
  readonly #open: (
    rules: IssuerRules,
    validUntil: number,
    before: IssuerWithKeys | undefined,
  ) => IssuerWithKeys
  readonly #known = new Map<string, Realm>()
  readonly #absent = new Map<string, number>()
  /** Key ids that are refused whichever issuer lists them. */
  readonly #forgotten = new Set<string>()
  readonly #inFlight = new Map<string, Promise<IssuerWithKeys | undefined>>()
  readonly #unknownCalls = new CallBudget({ size: 50, refillSeconds: 0.1 })

  constructor(
    value: TrustedIssuer,
    rules: RealmRules,
    open: (rules: IssuerRules, validUntil: number, before: IssuerWithKeys | undefined) => IssuerWithKeys,
  ) {
    this.value = value
    this.#rules = rules
    this.#open = open
  }

  /** A realm that was resolved a short time ago. */
  known(iss: string, now: number): IssuerWithKeys | undefined {
    const known = this.#known.get(iss)
    const isFresh = known !== undefined && now < known.issuer.validUntil && now >= known.resolvedAt
    return isFresh ? known.issuer : undefined
  }

  /** The realm of an issuer; undefined where it is not trusted. Rejects with a 503 where that cannot be decided. */
  async find(iss: string, now: number): Promise<IssuerWithKeys | undefined> {
    if (iss.length > maxIssuerLength) return undefined
    if (Math.abs(now - (this.#absent.get(iss) ?? -Infinity)) < absentSeconds) return undefined
    let resolving = this.#inFlight.get(iss)
    if (resolving === undefined) {
      const before = this.#known.get(iss)?.issuer
      // A flood of invented issuers costs a bounded number of waits. Known ones are asked for in any case.
      if (before === undefined && !this.#unknownCalls.hasLeft(now)) throw unavailable('issuers')
      resolving = this.#resolve(iss, now, before).finally(() => this.#inFlight.delete(iss))
      this.#inFlight.set(iss, resolving)
    }
    return resolving
  }

  /** Drops keys at once: those of one issuer or of all, also for issuers that are resolved later. */
  forget(iss: string | undefined, kid: string | undefined): boolean {
    if (iss === undefined && kid !== undefined) this.#forgotten.add(kid)
    const named = [...this.#known].filter(([name]) => iss === undefined || name === iss)
    for (const [, { issuer }] of named) issuer.keys.forget(kid)
    return iss === undefined || named.length > 0
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
      const answer = this.#rules.resolve(iss)
      // Only a call that has to wait is counted: an immediate answer costs no more than reading the token.
      if (before === undefined && answer instanceof Promise) this.#unknownCalls.take(now)
      settings = answer instanceof Promise ? await withinTime(answer) : answer
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
      if (rules.issuers.includes(iss)) {
        const issuer = this.#open(rules, now + this.#rules.maxAgeSeconds, before)
        for (const kid of this.#forgotten) issuer.keys.forget(kid)
        return issuer
      }
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
