/** Whether an address is this machine for certain, so that plain http to it crosses no network. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname)
}

/** Whether an address may lead to this machine, however it is written. */
export function mayBeThisMachine(url: URL): boolean {
  const host = url.hostname.replace(/\.$/, '')
  return (
    isLoopback(url) ||
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    /^0(\.0){3}$/.test(host) ||
    host === '[::]' ||
    // An IPv4 address inside IPv6: the URL parser writes 127.0.0.1 as 7f00:1.
    /^\[::ffff:(7f[\da-f]{2}:[\da-f]{1,4}|0:0)\]$/.test(host)
  )
}

/** Whether an address is link-local: on cloud machines it serves the machine's own credentials. */
export function isLinkLocal({ hostname }: URL): boolean {
  return (
    /^169\.254(\.\d{1,3}){2}$/.test(hostname) ||
    /^\[fe[89ab][\da-f]:/.test(hostname) ||
    /^\[::ffff:a9fe:[\da-f]{1,4}\]$/.test(hostname)
  )
}

/** Whether documents may be fetched from an address: https, http on this machine, or http from a host that is named. */
export function isTrustworthyUrl(url: URL, plainHttpHosts: readonly string[] = []): boolean {
  if (url.protocol === 'https:') return true
  return url.protocol === 'http:' && (isLoopback(url) || plainHttpHosts.includes(url.host))
}
