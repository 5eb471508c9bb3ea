/**
 * A request as the checks see it. An adapter makes one for each request, and nothing of it is read before a check needs it.
 * Every member is there on every host, so that a check cannot be skipped because its input is missing.
 */
export interface RequestView {
  /** The HTTP method, in capital letters. */
  readonly method: string
  /** The path and query as received, before a framework removed a mount point. */
  readonly url: string
  /** All raw values of a header, in their order; undefined if there is none. `name` is in lower-case letters. */
  header(name: string): readonly string[] | undefined
  /** The client's TLS certificate in DER; undefined where there is none, or the host does not tell. */
  peerCertificate(): Uint8Array | undefined
  /** The address of the other end of the connection: the client, or the last proxy; undefined where the host does not tell. */
  readonly remoteAddress: string | undefined
  /** The framework's own request, for conditions of the application. */
  readonly native: unknown
}

/** The part of Node's request that is read. Express keeps the received address in `originalUrl`. */
interface NodeRequest {
  /** Names and values as they came. Hosts that are not Node's server may leave it empty. */
  readonly rawHeaders?: readonly string[] | undefined
  /** Values by name; of a repeated header Node keeps only some. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined
  /** The HTTP method. */
  readonly method?: string | undefined
  /** The path and query, maybe without a mount point. */
  readonly url?: string | undefined
  /** The path and query as received. */
  readonly originalUrl?: string | undefined
  /** The connection, for its certificate and address. */
  readonly socket?: object | null | undefined
}

class NodeRequestView implements RequestView {
  readonly native: unknown
  // Not a private name: its check would cost more than the rest of a view, for every request.
  private readonly request: NodeRequest
  private readonly receivedUrl: string | undefined

  constructor(request: NodeRequest, native: unknown, receivedUrl: string | undefined) {
    this.request = request
    this.native = native
    this.receivedUrl = receivedUrl
  }

  get method(): string {
    return this.request.method ?? ''
  }

  get url(): string {
    return this.receivedUrl ?? this.request.originalUrl ?? this.request.url ?? ''
  }

  // Of two headers with one name, Node's `headers` keeps only the first: the raw list has both.
  header(name: string): readonly string[] | undefined {
    const { rawHeaders } = this.request
    if (rawHeaders === undefined) return this.parsedHeader(name)
    let values: string[] | undefined
    for (let index = 0; index < rawHeaders.length - 1; index += 2) {
      const header = rawHeaders[index] as string
      if (header.length === name.length && header.toLowerCase() === name) {
        const value = rawHeaders[index + 1] as string
        if (values === undefined) values = [value]
        else values.push(value)
      }
    }
    return values ?? this.parsedHeader(name)
  }

  /** Some hosts (serverless adapters, test doubles) fill only `headers`. Two values are then seen where they keep both. */
  private parsedHeader(name: string): readonly string[] | undefined {
    const { headers } = this.request
    if (headers === undefined) return undefined
    // Own names only, in whatever case: two spellings of one name are two values.
    const values = Object.keys(headers)
      .filter((key) => key.length === name.length && key.toLowerCase() === name)
      .flatMap((key) => headers[key] ?? [])
    return values.length === 0 ? undefined : values
  }

  peerCertificate(): Uint8Array | undefined {
    const { socket } = this.request
    if (typeof socket !== 'object' || socket === null) return undefined
    if (!('getPeerX509Certificate' in socket) || typeof socket.getPeerX509Certificate !== 'function') {
      return undefined
    }
    const certificate = socket.getPeerX509Certificate() as { readonly raw: Uint8Array } | undefined
    return certificate?.raw
  }

  get remoteAddress(): string | undefined {
    const { socket } = this.request
    if (typeof socket !== 'object' || socket === null || !('remoteAddress' in socket)) return undefined
    return typeof socket.remoteAddress === 'string' ? socket.remoteAddress : undefined
  }
}

/**
 * A view of Node's request. `native` is the framework's own request object; `receivedUrl` the path and query as received,
 * where a framework keeps them elsewhere than in `originalUrl` of the request (Koa).
 */
export function viewNodeRequest(
  request: NodeRequest,
  native: unknown = request,
  receivedUrl?: string,
): RequestView {
  return new NodeRequestView(request, native, receivedUrl)
}

class FetchRequestView implements RequestView {
  readonly native: Request

  constructor(request: Request) {
    this.native = request
  }

  get method(): string {
    return this.native.method
  }

  get url(): string {
    const { pathname, search } = new URL(this.native.url)
    return pathname + search
  }

  // `Headers` joins repeated headers by a comma, so a repeated header is one value here, and is refused as malformed.
  header(name: string): readonly string[] | undefined {
    const value = this.native.headers.get(name)
    return value === null ? undefined : [value]
  }

  peerCertificate(): undefined {
    return undefined
  }

  get remoteAddress(): undefined {
    return undefined
  }
}

/** A view of a `Request` of the Fetch standard. It has no client certificate. */
export function viewFetchRequest(request: Request): RequestView {
  return new FetchRequestView(request)
}
