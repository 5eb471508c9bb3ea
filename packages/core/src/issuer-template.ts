const placeholder = '{tenantid}'
// Entra spells GUIDs in lower case; a token that does not is not Entra's.
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const guidLength = 36

export function isGuid(text: string): boolean {
  return text.length === guidLength && guid.test(text)
}

export function isIssuerTemplate(text: string): boolean {
  return text.includes(placeholder)
}

/** An issuer with a place for the tenant: Entra's metadata spells it `{tenantid}`, which no token ever does. */
export interface IssuerTemplate {
  readonly text: string
  /** The issuer of one tenant. */
  of(tenantId: string): string
  /** The tenant whose issuer this is, to the letter; undefined if it is nobody's. */
  tenantIn(issuer: string): string | undefined
}

export function issuerTemplate(text: string): IssuerTemplate {
  const parts = text.split(placeholder)
  const before = parts[0] as string
  const start = before.length
  const of = (tenantId: string): string => parts.join(tenantId)
  return {
    text,
    of,
    tenantIn(issuer) {
      if (!issuer.startsWith(before)) return undefined
      const tenantId = issuer.slice(start, start + guidLength)
      return isGuid(tenantId) && of(tenantId) === issuer ? tenantId : undefined
    },
  }
}
