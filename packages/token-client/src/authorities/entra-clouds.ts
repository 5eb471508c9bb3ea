interface Cloud {
  /** The origin of its login host. */
  readonly origin: string
  /** Other origins of the same token service, in challenges of older APIs and in other clients' configuration. */
  readonly aliases: readonly string[]
  /** Its regional hosts: one label before one of these names. */
  readonly regional: readonly string[]
}

/** The clouds of Microsoft Entra ID. Source: "National clouds", and the instance metadata that MSAL has built in. */
export const clouds = {
  global: {
    origin: 'https://login.microsoftonline.com',
    aliases: [
      'https://login.windows.net',
      'https://login.microsoft.com',
      'https://login-us.microsoftonline.com',
      'https://sts.windows.net',
    ],
    regional: ['login.microsoft.com', 'r.login.microsoftonline.com'],
  },
  usGovernment: {
    origin: 'https://login.microsoftonline.us',
    aliases: ['https://login.usgovcloudapi.net'],
    regional: ['login.microsoftonline.us'],
  },
  china: {
    origin: 'https://login.partner.microsoftonline.cn',
    aliases: ['https://login.chinacloudapi.cn'],
    regional: ['login.partner.microsoftonline.cn'],
  },
} as const satisfies Record<string, Cloud>

/** Whether two origins belong to one token service. */
export function isSameCloud(one: string, other: string): boolean {
  const cloud = cloudOf(one)
  return one === other || (cloud !== undefined && cloud === cloudOf(other))
}

function cloudOf(origin: string): Cloud | undefined {
  return Object.values<Cloud>(clouds).find(
    (cloud) => cloud.origin === origin || cloud.aliases.includes(origin) || isRegional(cloud, origin),
  )
}

function isRegional({ regional }: Cloud, origin: string): boolean {
  const host = /^https:\/\/[a-z0-9]+\.([a-z0-9.]+)$/.exec(origin)?.[1]
  return host !== undefined && regional.includes(host)
}
