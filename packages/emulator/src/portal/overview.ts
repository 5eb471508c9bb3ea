import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { type Call, callGraph, type CallGraph, missingOf, type SignInArrow } from './call-graph.js'
import { pageToken } from './layout.js'
import { applicationLink, chip, finder, type Row, table } from './parts.js'
import { assignValue, grantValue, grantingForm, picture } from './picture.js'

/** A picture with more boxes cannot be read. */
const mostApplications = 60
/** Without a search, a large directory shows those with arrows, up to so many. */
const usualApplications = 30
/** A search finds the others. */
const mostMissing = 10

/** Who may call whom, as a picture, and what is missing, with a button that grants it. */
export function overview(service: Service, asked: Parameters): Html {
  const find = asked.get('find')
  const whole = callGraph(service.directory)
  const { graph, found } = narrowed(whole, find)
  const missing = countOf(whole.calls)
  const granted = whole.calls.flatMap(({ permissions }) => permissions).length - missing
  return html`${finder(
      '/_/',
      find,
      'Find an application or a scope',
      'picture',
      html`${chip(`${granted} granted`, 'good')} ${missing > 0 && chip(`${missing} missing`, 'warn')}
        <a class="button primary push" href="/_/mint">Mint a token</a>
        <a class="button" href="/_/settings">Copy settings</a>`,
    )}
    <form id="${grantingForm}" method="post" action="/_/grant">
      ${pageToken(service)}
      ${find !== undefined && html`<input type="hidden" name="back" value="/_/?find=${encodeURIComponent(find)}" />`}
    </form>
    <div id="picture" class="stack">
      ${
        graph.applications.length < whole.applications.length &&
        html`<p class="muted small">
          Shows ${graph.applications.length} of ${whole.applications.length}
          applications${find === undefined && ': those with the most that is missing. Search to see others'}.
        </p>`
      }
      ${drawn(service, whole, graph, found)} ${missingList(service, find === undefined ? whole : graph)}
    </div>`
}

function drawn(service: Service, whole: CallGraph, graph: CallGraph, found: ReadonlySet<string>): Html {
  if (whole.applications.length === 0) {
    return html`<div class="empty">
      <p>The registration has no application yet.</p>
      <p>
        Add one to its <code>applications</code>, or change the <a href="/_/registration">registration</a>
        here.
      </p>
    </div>`
  }
  if (graph.applications.length === 0) {
    return html`<div class="empty"><p>No application, scope or role has that in its name.</p></div>`
  }
  return html`<div class="card scroll" tabindex="0" role="region" aria-label="The picture">
      ${picture(service, graph, found)}
    </div>
    ${legend()}`
}

function isUnassigned({ isAssignmentRequired, assigned, tenant }: SignInArrow): boolean {
  return isAssignmentRequired && assigned < tenant.users.size
}

function countOf(calls: readonly Call[]): number {
  return calls.reduce((sum, call) => sum + missingOf(call).length, 0)
}

/** The applications that a search names and their neighbours; without a search, in a large directory, some. */
function narrowed(
  graph: CallGraph,
  find: string | undefined,
): { readonly graph: CallGraph; readonly found: ReadonlySet<string> } {
  const words = (find ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) {
    const isLarge = graph.applications.length > mostApplications
    return { found: new Set(), graph: isLarge ? limited(graph, usual(graph)) : graph }
  }
  const fits = (text: string): boolean => words.every((word) => text.toLowerCase().includes(word))
  const found = new Set(
    graph.applications
      .filter(({ appId, displayName, scopes, roles, identifierUris }) => {
        const offered = [...scopes, ...roles].map(({ value }) => value)
        return fits([appId, displayName, ...identifierUris, ...offered].join(' '))
      })
      .map(({ appId }) => appId),
  )
  const kept = new Set([...found].slice(0, mostApplications))
  for (const { client, api, permissions } of graph.calls) {
    const ends = [client.appId, api.appId]
    const isFound = ends.some((id) => found.has(id)) || permissions.some(({ name }) => fits(name))
    if (isFound && kept.size < mostApplications) for (const id of ends) kept.add(id)
  }
  return { found, graph: limited(graph, kept) }
}

/** Both ends of arrows, those with something missing first. */
function usual({ calls }: CallGraph): ReadonlySet<string> {
  const kept = new Set<string>()
  for (const { client, api } of calls.toSorted((a, b) => missingOf(b).length - missingOf(a).length)) {
    if (kept.size >= usualApplications) break
    kept.add(client.appId).add(api.appId)
  }
  return kept
}

function limited(graph: CallGraph, kept: ReadonlySet<string>): CallGraph {
  const signIns = graph.signIns.filter(({ client }) => kept.has(client.appId))
  return {
    applications: graph.applications.filter(({ appId }) => kept.has(appId)),
    tenants: graph.tenants.filter((tenant) => signIns.some((arrow) => arrow.tenant === tenant)),
    calls: graph.calls.filter(({ client, api }) => kept.has(client.appId) && kept.has(api.appId)),
    signIns,
  }
}

function missingList(service: Service, { calls, signIns }: CallGraph): Html | false {
  const { applications } = service.directory
  const missing = calls.filter((call) => missingOf(call).length > 0)
  const unassigned = signIns.filter(isUnassigned)
  const all = missing.length + unassigned.length
  if (all === 0) return false
  const rows = [
    ...missing.slice(0, mostMissing).map((call): Row => {
      const { client, api, tenant } = call
      const names = missingOf(call).map(({ name }) => name)
      return [
        applicationLink(applications, client.appId),
        applicationLink(applications, api.appId),
        html`${missingOf(call)
          .slice(0, 4)
          .map(({ name, kind }) => chip(html`${name}${kind === 'application' && ' (role)'}`, 'warn'))}`,
        nameText(tenant.displayName),
        html`<button class="primary" form="${grantingForm}" name="what" value="${grantValue(call)}">
          Grant<span class="sr">
            ${names.slice(0, 4).join(', ')} of ${api.displayName} to ${client.displayName}</span
          >
        </button>`,
      ]
    }),
    ...unassigned
      .slice(0, mostMissing)
      .map(({ tenant, client, assigned }): Row => [
        html`Users of ${nameText(tenant.displayName)}`,
        applicationLink(applications, client.appId),
        chip(`${assigned} of ${tenant.users.size} assigned`, 'warn'),
        nameText(tenant.displayName),
        html`<button form="${grantingForm}" name="what" value="${assignValue(tenant, client)}">
          Assign everyone<span class="sr"> to ${client.displayName}</span>
        </button>`,
      ]),
  ]
  return html`<h2 id="missing">What is missing</h2>
    <p class="lead">
      It is listed in a registration and nobody granted it: a request for it is refused with
      <a href="/error?code=65001">AADSTS65001</a>, or its token has no such role. Granting here is what an
      administrator does; it lasts until a reset.
    </p>
    <div class="card">
      ${table({ headings: ['Who', 'Wants to call', 'Missing', 'In', ''], rows, empty: '' })}
      ${rows.length < all && html`<p class="muted small">And ${all - rows.length} more: search for one.</p>`}
    </div>`
}

function legend(): Html {
  const line = (kind: string): Html =>
    html`<svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true">
      <g class="${kind}"><path class="line" d="M0 5H34" /></g>
    </svg>`
  return html`<p class="legend">
    <span>${line('granted')} granted</span>
    <span>${line('missing')} listed, and not granted</span>
    <span>${line('plain')} users sign in</span>
    <span>A click on a box or an arrow opens it.</span>
  </p>`
}
