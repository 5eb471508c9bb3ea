import type { ApiVerdict, Check } from '../inspect/rules.js'
import type { Json } from '../inspect/token.js'
import { html, type Html, nameText } from '../pages/html.js'
import { distance } from './time.js'

/*
 * For each check of a token: the sentence that says why an API refuses it, and the setting that would change that.
 */

/** Why the check fails, as the end of "it …". */
export function failureWords(check: Check, claims: Json, now: number): string {
  const away = (name: string): string => {
    const seconds = claims[name]
    return typeof seconds === 'number' ? distance(seconds - now) : 'at no readable time'
  }
  switch (check.name) {
    case 'length':
      return 'it is longer than a server accepts'
    case 'format':
      return 'it does not have the three parts of a token'
    case 'names':
      return 'a claim is there twice'
    case 'algorithm':
      return `it is signed with ${check.received}, not with RS256`
    case 'extensions':
      return 'its header demands an extension that no API understands'
    case 'version':
      return `it has the shape of v${check.received}, and this API gets v${check.expected}`
    case 'issuer':
      return 'another issuer is named in it'
    case 'signing key':
      return 'no key of the set has its kid'
    case 'issuer of the key':
      return 'its key is not for this tenant'
    case 'signature':
      return 'its signature does not match'
    case 'audience':
      return 'it is for another API'
    case 'not before':
      return `it becomes valid ${away('nbf')}`
    case 'expiry':
      return typeof claims['exp'] === 'number' ? `it expired ${away('exp')}` : 'it has no readable end'
    case 'issued':
      return `it says that it was issued ${away('iat')}`
    case 'kind':
      return 'it is an id token, not an access token'
    case 'binding':
      return 'it is bound to its sender, who must show a key'
    case 'permissions':
      return 'it has neither scopes nor roles'
    default:
      return `the ${check.name} does not hold`
  }
}

/** What to change, with a line for the client or the registration, and the place in the portal of Entra. */
export interface Fix {
  readonly what: Html
  readonly line?: string
  readonly portal?: string
}

export function fixOf({ api }: ApiVerdict, check: Check): Fix {
  const identifier = api.identifierUris[0] ?? api.appId
  const ofApi = (anchor: string, text: string): Html =>
    html`<a href="/_/apps/${api.appId}#${anchor}">${text}</a>`
  switch (check.name) {
    case 'audience':
      return {
        what: html`Ask for a scope of ${nameText(api.displayName)}, or send this token to the API it is for.
        ${ofApi('expose', 'Expose an API')}`,
        line: `scope=${identifier}/.default`,
        portal: 'App registrations, the API, Expose an API, Application ID URI',
      }
    case 'version':
      return {
        what: html`The API chooses the version of its tokens, whichever endpoint was called.
        ${ofApi('manifest', 'Manifest')}`,
        line: `"api": { "requestedAccessTokenVersion": ${check.received === '1.0' ? 1 : 2} }`,
        portal: 'App registrations, the API, Manifest, api.requestedAccessTokenVersion',
      }
    case 'issuer':
      return {
        what: html`Sign in to a tenant of this registration, and compare the authority of the client with the
          <a href="/_/settings">settings</a>.`,
        line: `iss = ${check.expected}`,
      }
    case 'signing key':
    case 'issuer of the key':
    case 'signature':
      return {
        what: html`Ask for a new token. <a href="/_/keys">The keys</a> that are listed now; without a state
          file they are made anew at every start.`,
      }
    case 'not before':
    case 'expiry':
    case 'issued':
      return { what: html`Ask for a new token, or set <a href="/_/faults#clock">the clock</a>.` }
    case 'kind':
      return { what: html`Send the access token to the API; the id token is for the client alone.` }
    case 'permissions':
      return {
        what: html`Grant a scope or a role: <a href="/_/consent?resource=${api.appId}">Consent</a>. Then ask
          for a new token.`,
        portal: 'App registrations, the client, API permissions, Grant admin consent',
      }
    case 'algorithm':
    case 'extensions':
    case 'names':
      return { what: html`The token service makes no such token: find out who made it.` }
    case 'binding':
      return { what: html`Send the proof of the key with it (DPoP or mutual TLS).` }
    default:
      return { what: html`Copy the whole token once more.` }
  }
}
