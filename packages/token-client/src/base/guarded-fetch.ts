import { isTokenClientError, TokenClientError } from './errors.js'
import { systemReason } from './system-reason.js'

/** A guarded `fetch`: its response is complete. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** A request to the token service, as the option `fetch` gets it. */
export interface ServiceRequest {
  /** `GET` or `POST`. */
  readonly method: string
  /** The header fields. */
  readonly headers: Record<string, string>
  /** The form of a token request. */
  readonly body?: string
  /** No redirect may be followed: it would carry the secret to another host. */
  readonly redirect: 'error'
  /** Aborted after `timeoutSeconds`. */
  readonly signal: AbortSignal
}

/** What the option `fetch` answers: the members of a `Response` that are read. A `Response` of undici has them, too. */
export interface ServiceResponse {
  /** HTTP status. */
  readonly status: number
  /** The header fields. */
  readonly headers: {
    /** The value of a field, or `null`. */
    get(name: string): string | null
  }
  /** A stream of the body, which is read only as far as `maxResponseBytes`; `null` for none. */
  readonly body: unknown
  /** The whole body, where `body` cannot be iterated. */
  arrayBuffer(): Promise<ArrayBuffer>
  /** Whether a redirect was followed. */
  readonly redirected?: boolean
}

/** What sends the requests to a token service. The global `fetch` is one, and so is that of undici. */
export type ServiceFetch = (url: string, init: ServiceRequest) => Promise<ServiceResponse>

/** The fields of an answer that are read. */
const readFields = ['content-type', 'retry-after', 'www-authenticate', 'dpop-nonce']

/**
 * A `fetch` for requests to a token service. It follows no redirect (a 307 would carry the secret to another host), has a
 * deadline, and reads at most `maxResponseBytes`, counted after decompression. The response it returns is complete, so
 * its readers need no limits of their own.
 */
export function guardFetch(
  fetch: ServiceFetch,
  { timeoutSeconds, maxResponseBytes }: { timeoutSeconds: number; maxResponseBytes: number },
): Fetch {
  return async (url, init) => {
    // Not AbortSignal.timeout: it stays in memory until its time has passed, even after the answer.
    const deadline = startDeadline(timeoutSeconds)
    const request = async () => {
      const response = await fetch(url, {
        method: init.method ?? 'GET',
        headers: Object.fromEntries(new Headers(init.headers)),
        // As text: the `fetch` of another library does not know the classes of this one.
        ...(init.body instanceof URLSearchParams ? { body: init.body.toString() } : {}),
        redirect: 'error',
        signal: deadline.signal,
      })
      if (response.redirected || (response.status >= 300 && response.status < 400)) {
        throw new TokenClientError('service_redirected')
      }
      const body = await readBody(response, maxResponseBytes)
      const headers = new Headers()
      for (const name of readFields) {
        const value = response.headers.get(name)
        if (value !== null) headers.set(name, value)
      }
      return new Response(body, { status: response.status, headers })
    }
    try {
      // A race, because the application's own fetch may ignore the signal.
      return await Promise.race([request(), deadline.passed])
    } catch (error) {
      if (isTokenClientError(error)) throw error
      if (deadline.signal.aborted) throw new TokenClientError('service_timeout')
      if (isRedirectRefusal(error)) throw new TokenClientError('service_redirected')
      throw new TokenClientError('service_unreachable', { reason: systemReason(error) })
    } finally {
      deadline.clear()
    }
  }
}

function startDeadline(seconds: number): {
  signal: AbortSignal
  passed: Promise<never>
  clear: () => void
} {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        controller.abort()
        reject(new TokenClientError('service_timeout'))
      },
      Math.ceil(seconds * 1000),
    )
  })
  return { signal: controller.signal, passed, clear: () => clearTimeout(timer) }
}

async function readBody(
  response: ServiceResponse,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { body, status } = response
  if (body === null || status === 204 || status === 205) return null
  const chunks: Uint8Array[] = []
  let size = 0
  const stream = isIterable(body) ? body : [new Uint8Array(await response.arrayBuffer())]
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > maxBytes) throw new TokenClientError('service_answer_invalid', { reason: 'too_large' })
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function isIterable(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

// undici reports a refused redirect only in the cause of its TypeError.
function isRedirectRefusal(error: unknown): boolean {
  try {
    return error instanceof TypeError && error.cause instanceof Error && /redirect/.test(error.cause.message)
  } catch {
    return false
  }
}
