/**
 * Calls an API for the user who is signed in. When the API answers with a claims challenge, `signIn` shows the sign-in page
 * with these claims and brings the new token. With MSAL: `acquireTokenPopup({ scopes, claims })`.
 */
export async function callForUser(
  url: string,
  accessToken: string,
  signIn: (claims: string) => Promise<string>,
): Promise<Response> {
  const send = (token: string) => fetch(url, { headers: { authorization: `Bearer ${token}` } })
  const response = await send(accessToken)
  const header = response.headers.get('www-authenticate') ?? ''
  const claims = /error="insufficient_claims", claims="([^"]+)"/.exec(header)?.[1]
  if (response.status !== 401 || claims === undefined) return response
  return send(await signIn(Buffer.from(claims, 'base64').toString()))
}
