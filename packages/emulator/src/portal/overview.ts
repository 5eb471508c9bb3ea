import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { type Call, callGraph, type CallGraph, missingOf, type SignInArrow } from './call-graph.js'
import { pageToken } from './layout.js'
import { applicationLink, chip, finder, table } from './parts.js'
import { assignForm, grantForm, picture } from './picture.js'

/** A picture with more boxes cannot be read: it shows those with the most arrows, and says so. */
const mostApplications = 60
/** More that is missing is on the pages of the applications. */
const mostMissing = 20

/** Who may call whom, as a picture, and what is missing, with a button that grants it. */
export function overview(service: Service, asked: Parameters): Html {
  const find = asked.get('find')
  const whole = callGraph(service.directory)
  const { graph, found } = narrowed(whole, find)
  const missing = whole.calls.filter((call) => missingOf(call).length > 0)
  const unassigned = whole.signIns.filter(isUnassigned)
  const granted = whole.calls.flatMap(({ permissions }) => permissions).length - countOf(missing)
  return html`${finder(
      '/_/',
      find,
      'Find an application or a scope',
      'picture',
      html`${chip(`${granted} granted`, 'good')}
        ${missing.length > 0 && chip(`${countOf(missing)} missing`, 'warn')}
        <a class="button primary push" href="/_/mint">Mint a token</a>
        <a class="button" href="/_/settings">Copy settings</a>`,
    )}
    <div id="picture" class="stack">
      ${
        graph.applications.length < whole.applications.length &&
        html`<p class="muted small">
          Shows ${graph.applications.length} of ${whole.applications.length}
          applications${found.size === 0 && find === undefined && ': those with the most arrows. Search to see others'}.
        </p>`
      }
      ${
        whole.applications.length === 0
          ? html`<div class="empty">
              <p>The registration has no application yet.</p>
              <p>
                Add one to its <code>applications</code>, or change the
                <a href="/_/registration">registration</a> here.
              </p>
            </div>`
          : graph.applications.length === 0
            ? html`<div class="empty"><p>No application, scope or role has that in its name.</p></div>`
            : html`<div class="card scroll" tabindex="0" role="region" aria-label="The picture">
                  ${picture(service, graph, found)}
                </div>
                ${legend()}`
      }
    </div>
    ${missing.length + unassigned.length > 0 && missingList(service, missing, unassigned)}
    ${forms(service, [...new Set([...missing.slice(0, mostMissing), ...graph.calls.filter((call) => missingOf(call).length > 0)])], [...new Set([...unassigned.slice(0, mostMissing), ...graph.signIns.filter(isUnassigned)])])}`
}

function isUnassigned({ isAssignmentRequired, assigned, tenant }: SignInArrow): boolean {
  return isAssignmentRequired && assigned < tenant.users.size
}

function countOf(calls: readonly Call[]): number {
  return calls.reduce((sum, call) => sum + missingOf(call).length, 0)
}

/** The applications that a search names and their neighbours; without a search those with the most arrows. */
function narrowed(
  graph: CallGraph,
  find: string | undefined,
): { readonly graph: CallGraph; readonly found: ReadonlySet<string> } {
  const words = (find ?? '')
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const fits = (text: string): boolean => words.every((word) => text.toLowerCase().includes(word))
  const found = new Set(
    words.length === 0
      ? []
      : graph.applications
          .filter(({ appId, displayName, scopes, roles, identifierUris }) =>
            fits(
              [
                appId,
                displayName,
                ...identifierUris,
                ...[...scopes, ...roles].map(({ value }) => value),
              ].join(' '),
            ),
          )
          .map(({ appId }) => appId),
  )
  const arrows = new Map<string, number>()
  const kept = new Set(found)
  for (const call of graph.calls) {
    const { client, api, permissions } = call
    const isFound =
      found.has(client.appId) ||
      found.has(api.appId) ||
      (words.length > 0 && permissions.some(({ name }) => fits(name)))
    if (isFound) [client.appId, api.appId].forEach((id) => kept.add(id))
    const weight = missingOf(call).length > 0 ? 100 : 1
    for (const { appId } of [client, api]) arrows.set(appId, (arrows.get(appId) ?? 0) + weight)
  }
  const wanted = graph.applications.filter(({ appId }) => words.length === 0 || kept.has(appId))
  const shown =
    wanted.length <= mostApplications
      ? wanted
      : wanted
          .toSorted((a, b) => (arrows.get(b.appId) ?? 0) - (arrows.get(a.appId) ?? 0))
          .slice(0, mostApplications)
  const isShown = new Set(shown.map(({ appId }) => appId))
  const signIns = graph.signIns.filter(({ client }) => isShown.has(client.appId))
  return {
    found,
    graph: {
      applications: shown,
      tenants: graph.tenants.filter(
        (tenant) => words.length === 0 || signIns.some((arrow) => arrow.tenant === tenant),
      ),
      calls: graph.calls.filter(({ client, api }) => isShown.has(client.appId) && isShown.has(api.appId)),
      signIns,
    },
  }
}

function missingList(service: Service, missing: readonly Call[], unassigned: readonly SignInArrow[]): Html {
  const { applications } = service.directory
  const rows = [
    ...missing.map((call) => [
      applicationLink(applications, call.client.appId),
      applicationLink(applications, call.api.appId),
      html`${missingOf(call).map(({ name, kind }) =>
        chip(html`${name}${kind === 'application' && ' (role)'}`, 'warn'),
      )}`,
      nameText(call.tenant.displayName),
      html`<button class="primary" form="${grantForm(call)}">
        Grant<span class="sr">
          ${missingOf(call)
            .map(({ name }) => name)
            .join(', ')}
          of ${call.api.displayName} to ${call.client.displayName}</span
        >
      </button>`,
    ]),
    ...unassigned.map(({ tenant, client, assigned }) => [
      html`Users of ${nameText(tenant.displayName)}`,
      applicationLink(applications, client.appId),
      chip(`${assigned} of ${tenant.users.size} assigned`, 'warn'),
      nameText(tenant.displayName),
      html`<button form="${assignForm(tenant, client)}">
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
      ${table({ headings: ['Who', 'Wants to call', 'Missing', 'In', ''], rows: rows.slice(0, mostMissing), empty: '' })}
      ${rows.length > mostMissing && html`<p class="muted small">And ${rows.length - mostMissing} more.</p>`}
    </div>`
}

/** The forms of all buttons that grant, once: the picture and the list share them. */
function forms(service: Service, missing: readonly Call[], unassigned: readonly SignInArrow[]): Html {
  const token = pageToken(service)
  return html`${missing.map(
    (call) =>
      html`<form id="${grantForm(call)}" method="post" action="/_/grant" hidden>
        ${token}
        <input type="hidden" name="tenant" value="${call.tenant.id}" />
        <input type="hidden" name="client" value="${call.client.appId}" />
        <input type="hidden" name="resource" value="${call.api.appId}" />
      </form> `,
  )}
  ${unassigned.map(
    ({ tenant, client }) =>
      html`<form id="${assignForm(tenant, client)}" method="post" action="/_/assign" hidden>
        ${token}
        <input type="hidden" name="tenant" value="${tenant.id}" />
        <input type="hidden" name="application" value="${client.appId}" />
      </form> `,
  )}`
}

function legend(): Html {
  const line = (kind: string): Html =>
    html`<svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true" class="small">
      <g class="edge ${kind}"><path class="line" d="M0 5H34" /></g>
    </svg>`
  return html`<p class="legend">
    <span>${line('granted')} granted</span>
    <span>${line('missing')} listed, and not granted</span>
    <span>${line('plain')} users sign in</span>
    <span>A click on a box or an arrow opens it.</span>
  </p>`
}
