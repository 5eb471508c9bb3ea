/** The addresses of an Entra cloud and the spelling of its issuers. Any object of this shape is a cloud. */
export interface EntraCloud {
  /** Origin of the login host, without a trailing slash. */
  readonly authority: string
  /** Issuer of v1.0 tokens, with the literal `{tenantid}`. */
  readonly v1Issuer: string
  /** Issuer of v2.0 tokens, with the literal `{tenantid}`. */
  readonly v2Issuer: string
}

/**
 * The clouds that Microsoft runs. Source: Entra documentation, "National cloud authentication endpoints"; the v1.0 issuers
 * of the national clouds come from published metadata (US Government shares `sts.windows.net`).
 */
export const clouds: Readonly<Record<'global' | 'usGovernment' | 'china', EntraCloud>> = Object.freeze({
  global: cloud('https://login.microsoftonline.com', 'https://sts.windows.net'),
  usGovernment: cloud('https://login.microsoftonline.us', 'https://sts.windows.net'),
  china: cloud('https://login.partner.microsoftonline.cn', 'https://sts.chinacloudapi.cn'),
})

/** The name of one of Microsoft's clouds. */
export type EntraCloudName = keyof typeof clouds

function cloud(login: string, sts: string): EntraCloud {
  return Object.freeze({
    authority: login,
    v1Issuer: `${sts}/{tenantid}/`,
    v2Issuer: `${login}/{tenantid}/v2.0`,
  })
}
