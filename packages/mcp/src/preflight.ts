/** Whether a browser asks what a later request may do: it has no token, and the application's CORS answers it. */
export function isPreflight(method: string | undefined, headers: Readonly<Record<string, unknown>>): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}
