/** A request as an adapter passes it to a validator, with the raw values of its headers. Names are in lower-case letters. */
export function requestView(
  headers: Readonly<Record<string, readonly string[] | undefined>>,
  {
    method = 'GET',
    url = '/',
    remoteAddress,
    certificate,
  }: {
    readonly method?: string
    readonly url?: string
    readonly remoteAddress?: string
    readonly certificate?: Uint8Array
  } = {},
) {
  return {
    method,
    url,
    header: (name: string): readonly string[] | undefined =>
      Object.hasOwn(headers, name) ? headers[name] : undefined,
    remoteAddress,
    peerCertificate: (): Uint8Array | undefined => certificate,
    native: undefined as unknown,
  }
}

/** The same from Node's flat list of names and values. */
export function rawHeadersRequest(rawHeaders: readonly string[]) {
  return { rawHeaders, method: 'GET', url: '/', socket: {} }
}
