/** Where tenants are kept. Yours is a table; this one is in memory, and counts its queries. */
export class TenantTable {
  queries = 0
  readonly #rows = new Map<string, { isActive: boolean }>()

  set(tenantId: string, isActive: boolean): void {
    this.#rows.set(tenantId, { isActive })
  }

  async isActive(tenantId: string): Promise<boolean> {
    this.queries++
    await new Promise((resolve) => setImmediate(resolve))
    return this.#rows.get(tenantId)?.isActive === true
  }
}

/**
 * A function for `allowedTenants`. It is called for every request, so it keeps answers for a time: that long a tenant that was
 * switched off may still call. One query is under way for each tenant, and a failed one is not kept.
 */
export function cachedTenants(
  table: TenantTable,
  { maxAgeSeconds, clock }: { maxAgeSeconds: number; clock: () => number },
): { isAllowed: (tenantId: string) => boolean | Promise<boolean>; forget: (tenantId: string) => void } {
  const known = new Map<string, { answer: boolean; until: number }>()
  const underWay = new Map<string, Promise<boolean>>()

  async function ask(tenantId: string): Promise<boolean> {
    try {
      const answer = await table.isActive(tenantId)
      // Strangers from any tenant may call: the memory has a bound.
      if (known.size >= 10_000) known.clear()
      known.set(tenantId, { answer, until: clock() + maxAgeSeconds })
      return answer
    } finally {
      underWay.delete(tenantId)
    }
  }

  return {
    isAllowed(tenantId) {
      const found = known.get(tenantId)
      if (found !== undefined && clock() < found.until) return found.answer
      const asking = underWay.get(tenantId) ?? ask(tenantId)
      underWay.set(tenantId, asking)
      return asking
    },
    forget: (tenantId) => void known.delete(tenantId),
  }
}
