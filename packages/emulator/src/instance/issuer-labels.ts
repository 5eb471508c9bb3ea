import type { Issuers } from './service.js'

/** The issuer names in tokens and documents. */
export interface IssuerLabels extends Issuers {
  readonly cloudInstanceName: string
}

/** The names of Microsoft's own issuers, as labels: the emulator still listens on this machine alone. */
const labels = {
  global: {
    v1: 'https://sts.windows.net/{tenantid}/',
    v2: 'https://login.microsoftonline.com/{tenantid}/v2.0',
    cloudInstanceName: 'microsoftonline.com',
  },
  usGovernment: {
    v1: 'https://sts.windows.net/{tenantid}/',
    v2: 'https://login.microsoftonline.us/{tenantid}/v2.0',
    cloudInstanceName: 'microsoftonline.us',
  },
  china: {
    v1: 'https://sts.chinacloudapi.cn/{tenantid}/',
    v2: 'https://login.partner.microsoftonline.cn/{tenantid}/v2.0',
    cloudInstanceName: 'partner.microsoftonline.cn',
  },
  /** External ID: the tenant is in the host as well. */
  externalId: {
    v1: 'https://sts.windows.net/{tenantid}/',
    v2: 'https://{tenantid}.ciamlogin.com/{tenantid}/v2.0',
    cloudInstanceName: 'microsoftonline.com',
  },
  /** Azure AD B2C: with a slash at the end. */
  b2c: {
    v1: 'https://sts.windows.net/{tenantid}/',
    v2: 'https://countersign.b2clogin.com/{tenantid}/v2.0/',
    cloudInstanceName: 'microsoftonline.com',
  },
} as const satisfies Record<string, IssuerLabels>

/** Whose issuer names an emulator can put into tokens: a cloud of Microsoft, External ID, or Azure AD B2C. */
export type ImitatedIssuers = keyof typeof labels

export const imitatedIssuers: readonly ImitatedIssuers[] = Object.keys(labels) as ImitatedIssuers[]

/** The labels of an instance: its own address, unless an option asks for others. */
export function issuerLabels(imitated: ImitatedIssuers | undefined, origin: string): IssuerLabels {
  if (imitated !== undefined) return labels[imitated]
  return {
    v1: `${origin}/{tenantid}/`,
    v2: `${origin}/{tenantid}/v2.0`,
    cloudInstanceName: 'microsoftonline.com',
  }
}
