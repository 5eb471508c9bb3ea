import type { AadstsCode } from '../base/errors.js'
import type { RecordedRequest } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { apiOf, userOf } from './flow-words.js'

/*
 * Which setting of the registration decided that a request was refused, and where it is.
 */

/** A setting, and the page that shows it. */
export interface DecidingRule {
  readonly name: Html
  readonly address: string
}

type Place =
  | 'credentials'
  | 'federated'
  | 'authentication'
  | 'accounts'
  | 'permissions'
  | 'exposed'
  | 'consent'
  | 'assignment'
  | 'presence'
  | 'policies'
  | 'user'
  | 'clock'

const places: Readonly<Record<Place, readonly AadstsCode[]>> = {
  credentials: [7000215, 7000216, 7000218, 7000222, 700025, 700027, 1000502],
  federated: [50027, 700021, 700023, 700024, 700211, 700212, 700213],
  authentication: [50011, 500112, 700054, 9002325, 9002326, 9002327],
  accounts: [50020, 50194, 9002331, 9002332],
  permissions: [650057, 1003031],
  exposed: [650053, 501461, 50146],
  consent: [65001, 65004, 90094],
  assignment: [50105, 501051],
  presence: [500011, 500014, 700016, 7000112, 7000229],
  policies: [50076, 50079, 50097, 50131, 50158, 53000, 53001, 53003, 70043],
  user: [50034, 50057, 50126, 50173],
  clock: [500133, 70008, 70019, 700082, 700084],
}

/** Undefined where the request itself is wrong and no setting would change the answer. */
export function decidingRule(service: Service, request: RecordedRequest): DecidingRule | undefined {
  if (request.fault !== undefined) {
    return { name: html`a fault that was added on purpose: ${request.fault}`, address: '/_/faults' }
  }
  const { errorCode } = request
  const found = Object.entries(places).find(([, codes]) => codes.some((code) => code === errorCode))
  if (found === undefined) return undefined
  return placeOf(found[0] as Place, service, request)
}

function placeOf(place: Place, service: Service, request: RecordedRequest): DecidingRule | undefined {
  const { directory } = service
  const client = directory.applications.get(request.clientId ?? '')
  const api = apiOf(service, request)
  const user = userOf(service, request)
  const ofClient = (heading: string, anchor: string): DecidingRule | undefined =>
    client && {
      name: html`${heading} of ${nameText(client.displayName)}`,
      address: `/_/apps/${client.appId}#${anchor}`,
    }
  switch (place) {
    case 'credentials':
      return ofClient('Certificates & secrets', 'credentials')
    case 'federated':
      return ofClient('Federated credentials', 'federated')
    case 'authentication':
      return ofClient('Authentication', 'authentication')
    case 'accounts':
      return ofClient('Accounts', 'overview')
    case 'permissions':
      return ofClient('API permissions', 'permissions')
    case 'exposed':
      return (
        api && {
          name: html`Expose an API of ${nameText(api.displayName)}`,
          address: `/_/apps/${api.appId}#expose`,
        }
      )
    case 'consent': {
      const query = new URLSearchParams({
        ...(client === undefined ? {} : { client: client.appId }),
        ...(api === undefined ? {} : { resource: api.appId }),
        ...(user === undefined ? {} : { user: user.id }),
      })
      return { name: html`Consent`, address: `/_/consent?${query.toString()}` }
    }
    case 'assignment':
      return { name: html`Assignments, appRoleAssignments of the tenant`, address: '/_/#missing' }
    case 'presence':
      return { name: html`Applications of the tenant, servicePrincipals`, address: '/_/apps' }
    case 'policies':
      return { name: html`conditionalAccess of the tenant`, address: '/_/registration' }
    case 'user':
      return (
        user && { name: html`The account of ${nameText(user.displayName)}`, address: `/_/users/${user.id}` }
      )
    case 'clock':
      return { name: html`The clock of the emulator`, address: '/_/faults#clock' }
  }
}

/** A sentence that says who may not what, for the refusals that are met most. */
export function refusalSentence(service: Service, request: RecordedRequest): Html {
  const client = service.directory.applications.get(request.clientId ?? '')?.displayName
  const api = apiOf(service, request)?.displayName
  const user = userOf(service, request)?.displayName
  const who = nameText(client ?? 'The client')
  switch (request.errorCode) {
    case 65001:
      return html`${who} may not call
      ${nameText(api ?? 'this API')}${user !== undefined && html` for ${nameText(user)}`}: nobody consented.`
    case 7000215:
      return html`${who} sent a secret that its registration does not have.`
    case 7000222:
      return html`${who} sent a secret that has expired.`
    case 50011:
      return html`${who} sent a redirect URI that its registration does not have.`
    case 50105:
      return html`${user === undefined ? 'The user' : nameText(user)} is not assigned to the application.`
    case 500011:
      return html`${who} asked for an API that this tenant does not have.`
    case 700016:
      return html`The client is not an application of this tenant.`
    case undefined:
      return request.fault === undefined
        ? html`${who} got ${request.status}.`
        : html`${who} met a fault that was added on purpose.`
    default:
      return html`${who} was refused.`
  }
}
