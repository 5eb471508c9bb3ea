/**
 * Whether a body is one message or a list of them, and not bytes or text that something after this may parse, nor the empty
 * object that some body parsers leave where they parsed nothing.
 */
export function isMessage(body: unknown): boolean {
  if (Array.isArray(body)) return true
  if (typeof body !== 'object' || body === null) return false
  const prototype: unknown = Object.getPrototypeOf(body)
  return (prototype === Object.prototype || prototype === null) && Object.hasOwn(body, 'jsonrpc')
}

/** What JSON-RPC answers to a body that cannot be read. */
export const parseError = JSON.stringify({
  jsonrpc: '2.0',
  error: { code: -32_700, message: 'Parse error: the body is not a JSON-RPC message' },
  id: null,
})
