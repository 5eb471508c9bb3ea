import { isTokenClientError, TokenClientError } from './errors.js'
import { systemReason } from './system-reason.js'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A `fetch` for requests to a token service. It follows no redirect (a 307 would carry the secret to another host), has a
 * deadline, and reads at most `maxResponseBytes`, counted after decompression. The response it returns is complete, so
 * its readers need no limits of their own.
 */
export function guardFetch(
  fetch: Fetch,
  { timeoutSeconds, maxResponseBytes }: { timeoutSeconds: number; maxResponseBytes: number },
): Fetch {
  return async (url, init) => {
    // Not AbortSignal.timeout: it stays in memory until its time has passed, even after the answer.
    const deadline = startDeadline(timeoutSeconds)
    const request = async () => {
      const response = await fetch(url, { ...init, redirect: 'error', signal: deadline.signal })
      if (response.redirected || (response.status >= 300 && response.status < 400)) {
        await response.body?.cancel()
        throw new TokenClientError('service_redirected')
      }
      const body = await readBody(response, maxResponseBytes)
      return new Response(body, { status: response.status, headers: response.headers })
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

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
  if (response.body === null || response.status === 204 || response.status === 205) return null
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.byteLength
    if (size > maxBytes) throw new TokenClientError('service_answer_invalid', { reason: 'too_large' })
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

// undici reports a refused redirect only in the cause of its TypeError.
function isRedirectRefusal(error: unknown): boolean {
  try {
    return error instanceof TypeError && error.cause instanceof Error && /redirect/.test(error.cause.message)
  } catch {
    return false
  }
}
