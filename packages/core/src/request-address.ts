/** What may be in the address of a proof: printable ASCII without the backslash, which URL parsers read as a slash. */
const allowed = /^[\x21-\x5B\x5D-\x7E]+$/

/**
 * An address in the form in which two of them are compared (RFC 3986 sections 6.2.2 and 6.2.3): scheme and host in lower-case
 * letters, no default port, dot segments removed, unreserved characters decoded, percent-encodings in capital letters; without
 * query and fragment. Case and slashes of the path stay. Undefined where it is not an absolute http or https address.
 */
export function normaliseAddress(text: string): string | undefined {
  if (!allowed.test(text) || !/^https?:\/\/[^/]/i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return undefined
  const path = url.pathname.replaceAll(/%[\da-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return /[A-Za-z\d._~-]/.test(character) ? character : code.toUpperCase()
  })
  return url.origin + path
}

/**
 * The address that a client used, from the API's public address and the request target as received. A target in absolute form
 * (RFC 9112 section 3.2.2) counts by its path: its host comes from the client.
 */
export function requestAddress(publicUrl: string, target: string): string | undefined {
  const path = /^https?:\/\//i.test(target) && URL.canParse(target) ? new URL(target).pathname : target
  return path.startsWith('/') ? normaliseAddress(publicUrl + path) : undefined
}
