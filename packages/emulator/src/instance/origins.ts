import { AsyncLocalStorage } from 'node:async_hooks'

/** How an emulator is called. */
export interface OriginSettings {
  readonly scheme: 'http' | 'https'
  /** The address that a proxy or a mapped port gives it, if that is configured. */
  readonly public: string | undefined
  /** The host of its own address. */
  readonly hostName: string
  /** Further names, whose requests get documents with that name. */
  readonly hostNames: readonly string[]
}

/** The addresses of an emulator. What a request is answered with names the host that the request came to. */
export interface Origins {
  /** Of the request that is being answered, else the main one. */
  readonly current: () => string
  /** What the issuers name: the configured public address, else that of the request. */
  readonly ofIssuers: () => string
  /** Whether an address is one of this emulator, by any of its names. */
  isOwn(origin: string): boolean
  /** Every name that requests may have beside the loopback names. */
  readonly names: readonly string[]
  /** The address, once the server listens. */
  listensAt(port: number): void
  /** Answers a request under the name in its `Host` header. */
  answer(host: string, next: () => void): void
}

export function createOrigins({ scheme, public: configured, hostName, hostNames }: OriginSettings): Origins {
  const requested = new AsyncLocalStorage<string>()
  // Empty until the server listens; nothing asks for it before.
  let main = configured ?? ''
  const names = [hostName, ...hostNames, ...(configured === undefined ? [] : [new URL(configured).hostname])]
  const isOwn = (origin: string): boolean => {
    if (origin === main) return true
    if (!URL.canParse(origin)) return false
    const { protocol, hostname } = new URL(origin)
    return protocol === `${scheme}:` && hostNames.includes(hostname)
  }
  const current = (): string => requested.getStore() ?? main
  return {
    current,
    ofIssuers: configured === undefined ? current : () => main,
    isOwn,
    names: [...new Set(names)],
    listensAt(port) {
      main = configured ?? `${scheme}://${hostName}:${port}`
    },
    answer(host, next) {
      const origin = `${scheme}://${host.toLowerCase()}`
      // The main address may have one of these names, and another scheme or port than the request shows.
      if (hostNames.length === 0 || host === new URL(main).host || !isOwn(origin)) next()
      else requested.run(new URL(origin).origin, next)
    },
  }
}
