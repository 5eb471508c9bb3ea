const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

export function isLoopback(url: URL): boolean {
  return loopback.test(url.hostname)
}

/** Whether a credential may be sent there: https, or plain http that does not leave this machine. */
export function isSecure(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}
