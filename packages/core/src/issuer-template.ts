const placeholder = '{tenantid}'
// Entra spells GUIDs in lower case; a token with capital letters is not from Entra.
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const guidLength = 36

export function isGuid(text: string): boolean {
  return text.length === guidLength && guid.test(text)
}

export function isIssuerTemplate(text: string): boolean {
  return text.includes(placeholder)
}

/** An issuer with a placeholder for the tenant: `{tenantid}` in Entra's metadata, and never in a token. */
export interface IssuerTemplate {
  readonly text: string
  /** The issuer of one tenant. */
  of(tenantId: string): string
  /** The tenant of an issuer, compared exactly; undefined if it is not of this template. */
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
