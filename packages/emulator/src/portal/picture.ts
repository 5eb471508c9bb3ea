import type { Service } from '../instance/service.js'
import type { Application, Tenant } from '../directory/types.js'
import { html, type Html } from '../pages/html.js'
import { type Call, type CallGraph, isApi, missingOf, type SignInArrow } from './call-graph.js'
import { charactersOf, shortened } from './shortened.js'
import { layeredLayout, type LayoutEdge, type LayoutNode, type Point } from './layered-layout.js'

/*
 * The picture of the overview: boxes for users, clients and APIs, an arrow for each pair that may call or wants to.
 */

const size = { width: 168, height: 54, line: 19, head: 34, characters: 20, words: 18 }
/** With more arrows than that, what is granted is written only where the pointer or the focus is. */
const mostWritten = 24
/** With more than that missing, an arrow leads to the page that grants it, and has no button of its own. */
const mostButtons = 20
const shownUsers = 4

interface Arrow extends LayoutEdge {
  readonly kind: 'granted' | 'missing' | 'plain'
  /** What is written at it, at most two lines. */
  readonly lines: readonly string[]
  readonly sentence: string
  /** Among so many that each is drawn with as little as possible. */
  readonly isCrowded?: boolean
  /** Who would get it. */
  readonly who: string
  readonly address: string
  /** What grants what is missing. */
  readonly grant: string | undefined
}

/** `found`: the applications that a search named, to stand out. */
export function picture(service: Service, graph: CallGraph, found: ReadonlySet<string>): Html {
  const arrows = withRoom([...graph.signIns.map(signInArrow), ...callArrows(graph.calls)])
  const isDense = arrows.length > mostWritten
  const called = new Set(graph.calls.map(({ api }) => api.appId))
  const calling = new Set(graph.calls.map(({ client }) => client.appId))
  const nodes: LayoutNode[] = [
    ...graph.tenants.map(({ id, users }) => ({
      id,
      width: size.width,
      height: usersHeight(users.size),
      least: 0,
    })),
    ...graph.applications.map((application) => ({
      id: application.appId,
      width: size.width,
      height: heightOf(application.appId, arrows, isDense),
      least: isLonelyApi(application, called, calling) ? 2 : 1,
    })),
  ]
  // Between users and clients nothing is written, unless an assignment is demanded.
  const isAssigned = graph.signIns.some(({ isAssignmentRequired }) => isAssignmentRequired)
  const layout = layeredLayout(nodes, arrows, {
    column: (index) => (index === 0 && !isAssigned ? 64 : 128),
    row: 20,
    margin: 3,
    top: 36,
  })
  const keys = new Map(nodes.map(({ id }, index) => [id, index]))
  const keyOf = (id: string): number => keys.get(id) ?? -1
  const written = new Labels(layout.nodes, nodes)
  const titles = ['Users', 'Clients', 'First tier', 'Second tier', 'Third tier']
  const summary = `${graph.applications.length} applications. ${arrows.map(({ sentence }) => sentence).join(' ')}`
  return compact(
    html`<svg
      viewBox="0 0 ${layout.width} ${layout.height}"
      width="${layout.width}"
      height="${layout.height}"
      class="${isDense && 'dense'}"
      role="group"
      aria-label="${summary.slice(0, 1000)}"
    >
      <defs>
        ${(['granted', 'missing', 'plain'] as const).map(
          (kind) =>
            html`<marker
              id="tip-${kind}"
              viewBox="0 0 10 10"
              refX="9"
              refY="5"
              markerWidth="8"
              markerHeight="8"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path class="tip ${kind}" d="M0 0 10 5 0 10z" />
            </marker> `,
        )}
      </defs>
      ${layout.columns.map(
        (x, column) =>
          html`<text class="head" x="${x}" y="22">${titles[column] ?? `Tier ${column - 1}`}</text> `,
      )}
      ${arrows.map((arrow) => drawArrow(arrow, layout.edges.get(arrow.id) ?? [], written, keyOf))}
      ${graph.tenants.map((tenant) => usersBox(tenant, layout.nodes.get(tenant.id) ?? { x: 0, y: 0 }, keyOf(tenant.id)))}
      ${graph.applications.map((application) =>
        applicationBox(
          service,
          application,
          {
            x: 0,
            y: 0,
            ...layout.nodes.get(application.appId),
            height: heightOf(application.appId, arrows, isDense),
          },
          found.has(application.appId),
          keyOf(application.appId),
        ),
      )}
    </svg>`,
  )
}

/** Without the white space between elements: there is no text that it would change. */
export function compact({ markup }: Html): Html {
  return { markup: markup.replaceAll(/\s*\n\s*/g, ' ') }
}

/** Without the buttons, and without what is written at arrows that are granted, where there are too many. */
function withRoom(arrows: readonly Arrow[]): readonly Arrow[] {
  const missing = arrows.filter(({ grant }) => grant !== undefined).length
  const written = arrows.filter(({ lines }) => lines.length > 0).length
  return arrows.map((arrow) => ({
    ...arrow,
    ...(missing > mostButtons ? { grant: undefined } : {}),
    isCrowded: written > 2 * mostWritten,
    ...(written > 2 * mostWritten && arrow.kind === 'granted' ? { lines: [] } : {}),
  }))
}

function usersHeight(users: number): number {
  return size.head + Math.min(users, shownUsers + 1) * size.line
}

/** Room for what is written at the arrows of one side. */
function heightOf(id: string, arrows: readonly Arrow[], isDense: boolean): number {
  if (isDense) return size.height
  const sum = (side: 'from' | 'to'): number =>
    arrows.filter((arrow) => arrow[side] === id).reduce((total, { space }) => total + space, 8)
  return Math.max(size.height, sum('from'), sum('to'))
}

/** The height of the words at an arrow, and of the button below them. */
function labelHeight(lines: readonly string[], withButton: boolean): number {
  return lines.length * 15 + 3 + (withButton ? 30 : 0)
}

function isLonelyApi(
  application: Application,
  called: ReadonlySet<string>,
  calling: ReadonlySet<string>,
): boolean {
  const { appId, redirectUris } = application
  const hasAddresses = Object.values(redirectUris).some((uris) => uris.length > 0)
  return isApi(application) && !called.has(appId) && !calling.has(appId) && !hasAddresses
}

function signInArrow({ tenant, client, isAssignmentRequired, assigned }: SignInArrow): Arrow {
  const { size: all } = tenant.users
  const isMissing = isAssignmentRequired && assigned < all
  const lines = isAssignmentRequired ? [`${assigned} of ${all} assigned`] : []
  return {
    id: `sign-in ${tenant.id} ${client.appId}`,
    from: tenant.id,
    to: client.appId,
    kind: isMissing ? 'missing' : isAssignmentRequired ? 'granted' : 'plain',
    lines,
    space: Math.max(14, labelHeight(lines, isMissing)),
    sentence: isAssignmentRequired
      ? `${assigned} of ${all} users of ${tenant.displayName} are assigned to ${client.displayName}.`
      : `Users of ${tenant.displayName} sign in to ${client.displayName}.`,
    who: `the users of ${tenant.displayName}`,
    address: `/_/apps/${client.appId}`,
    grant: isMissing ? assignValue(tenant, client) : undefined,
  }
}

/** The form of the overview that grants what one of its buttons names. */
export const grantingForm = 'granting'

/** What a button of that form sends: everything that is missing of one call. */
export function grantValue({ tenant, client, api }: Call): string {
  return `grant ${tenant.id} ${client.appId} ${api.appId}`
}

/** Likewise: all users of a tenant are assigned. */
export function assignValue(tenant: Tenant, client: Application): string {
  return `assign ${tenant.id} ${client.appId}`
}

/** One arrow for a pair, also if it is present in several tenants. */
function callArrows(calls: readonly Call[]): Arrow[] {
  const pairs = new Map<string, Call[]>()
  for (const call of calls) {
    const id = `call ${call.client.appId} ${call.api.appId}`
    pairs.set(id, [...(pairs.get(id) ?? []), call])
  }
  return [...pairs].map(([id, all]) => {
    const incomplete = all.find((call) => missingOf(call).length > 0)
    const call = incomplete ?? (all[0] as Call)
    const missing = missingOf(call)
    const names = (missing.length > 0 ? missing : call.permissions).map(({ name }) => name)
    const lines = names.length > 2 ? [names[0] as string, `and ${names.length - 1} more`] : names
    const granted = call.permissions.filter(({ grantedBy }) => grantedBy !== undefined)
    const sentences = [
      granted.length > 0 && `${granted.map(({ name }) => name).join(', ')} granted`,
      missing.length > 0 && `${missing.map(({ name }) => name).join(', ')} missing`,
    ].filter(Boolean)
    const query = new URLSearchParams({ client: call.client.appId, resource: call.api.appId })
    return {
      id,
      from: call.client.appId,
      to: call.api.appId,
      kind: missing.length > 0 ? ('missing' as const) : ('granted' as const),
      lines,
      space: labelHeight(lines, missing.length > 0) + 2,
      sentence: shortened(
        `${call.client.displayName} calls ${call.api.displayName}: ${sentences.join(', ')}.`,
        400,
      ),
      who: call.client.displayName,
      address: `/_/consent?${query.toString()}`,
      grant: missing.length > 0 ? grantValue(call) : undefined,
    }
  })
}

function drawArrow(
  arrow: Arrow,
  points: readonly Point[],
  labels: Labels,
  keyOf: (id: string) => number,
): Html {
  const { kind, lines, sentence, address, grant } = arrow
  const path = pathOf(points)
  const ends = `${keyOf(arrow.from)} ${keyOf(arrow.to)}`
  // The box at its end leads to the same page.
  if (kind === 'plain') {
    return html`<g class="edge plain" data-ends="${ends}"><path class="line" d="${path}" /></g> `
  }
  const label = labels.place(points, lines, grant !== undefined)
  return html`<g class="edge ${kind}" data-ends="${ends}">
    <a href="${address}">
      <title>${sentence}</title>
      ${arrow.isCrowded !== true && html`<path class="hit" d="${path}" />`}
      <path class="line" d="${path}" />
      ${
        label !== undefined &&
        html`<g class="label" aria-hidden="true">
          <rect
            class="under"
            x="${label.x}"
            y="${label.y}"
            width="${label.width}"
            height="${labelHeight(lines, false)}"
          />
          ${lines.map(
            (line, index) =>
              html`<text x="${label.x + label.width / 2}" y="${label.y + 13 + index * 15}">
                ${shortened(line, size.words)}
              </text> `,
          )}
        </g>`
      }
    </a>
    ${
      label !== undefined &&
      grant !== undefined &&
      html`<foreignObject
        x="${label.x + label.width / 2 - 32}"
        y="${label.y + lines.length * 15 + 4}"
        width="64"
        height="28"
        ><button
          class="tiny primary"
          form="${grantingForm}"
          name="what"
          value="${grant}"
          aria-label="Grant ${lines.join(', ')} to ${arrow.who}"
        >
          Grant
        </button></foreignObject
      >`
    }
  </g> `
}

/** A curve from column to column, straight through each column between. */
function pathOf([first, ...rest]: readonly Point[]): string {
  if (first === undefined) return ''
  let [path, at] = [`M${first.x} ${first.y}`, first]
  for (const [index, to] of rest.entries()) {
    const isThrough = index % 2 === 1
    if (isThrough) path += `L${to.x} ${to.y}`
    else if (to.x <= at.x) path += `C${at.x + 70} ${at.y} ${to.x + 70} ${to.y} ${to.x} ${to.y}`
    else {
      const half = (to.x - at.x) / 2
      path += `C${at.x + half} ${at.y} ${to.x - half} ${to.y} ${to.x} ${to.y}`
    }
    at = to
  }
  return path
}

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Finds a place for the words of each arrow, where they cover no box and no other words. */
class Labels {
  readonly #taken: Area[] = []

  constructor(placed: ReadonlyMap<string, Point>, nodes: readonly LayoutNode[]) {
    for (const { id, width, height } of nodes) {
      const at = placed.get(id)
      if (at !== undefined) this.#taken.push({ ...at, width, height })
    }
  }

  place(points: readonly Point[], lines: readonly string[], withButton: boolean): Area | undefined {
    if (lines.length === 0 || points.length < 2) return undefined
    const width = Math.max(
      withButton ? 68 : 0,
      ...lines.map((line) => Math.min(size.words, charactersOf(line).length) * 7 + 8),
    )
    const height = labelHeight(lines, withButton)
    const segments = [points.slice(0, 2), points.slice(-2)] as [Point, Point][]
    const candidates = [0.5, 0.4, 0.6, 0.32, 0.68, 0.24, 0.76].flatMap((t) =>
      segments.map(([from, to]) => {
        const middle = pointAt(from, to, t)
        return { x: middle.x - width / 2, y: middle.y - height / 2, width, height }
      }),
    )
    const moved = [-16, 16, -32, 32].flatMap((by) =>
      candidates.slice(0, 4).map((area) => ({ ...area, y: area.y + by })),
    )
    const free = [...candidates, ...moved].find((area) => !this.#taken.some((other) => overlap(area, other)))
    const chosen = free ?? candidates[0]
    if (chosen !== undefined) this.#taken.push(chosen)
    return chosen
  }
}

function pointAt(from: Point, to: Point, t: number): Point {
  const half = Math.abs(to.x - from.x) / 2
  const curve = (a: number, b: number, c: number, d: number): number =>
    (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d
  return {
    x: Math.round(curve(from.x, from.x + half, to.x - half, to.x)),
    y: Math.round(curve(from.y, from.y, to.y, to.y)),
  }
}

function overlap(a: Area, b: Area): boolean {
  const gap = 3
  return (
    a.x < b.x + b.width + gap &&
    b.x < a.x + a.width + gap &&
    a.y < b.y + b.height + gap &&
    b.y < a.y + a.height + gap
  )
}

function usersBox({ displayName, users }: Tenant, { x, y }: Point, key: number): Html {
  const shown = [...users.values()].slice(0, shownUsers)
  const more = users.size - shown.length
  const height = usersHeight(users.size)
  return html`<g class="node" data-node="${key}">
    <a href="/_/users" aria-label="${users.size} users of ${displayName}">
      <rect class="box" x="${x}" y="${y}" width="${size.width}" height="${height}" rx="8" />
      <text aria-hidden="true" x="${x + 12}" y="${y + 21}">${shortened(displayName, size.characters)}</text>
    </a>
    ${shown.map(
      (user, index) =>
        html`<a href="/_/users/${user.id}">
          <text class="sub" x="${x + 12}" y="${y + size.head + 6 + index * size.line}">
            ${shortened(user.displayName, user.isAdmin || !user.isEnabled ? 12 : size.characters)}${user.isAdmin && ' (admin)'}${!user.isEnabled && ' (disabled)'}
          </text></a
        > `,
    )}
    ${
      more > 0 &&
      html`<a href="/_/users"
        ><text class="sub" x="${x + 12}" y="${y + size.head + 6 + shownUsers * size.line}">
          and ${more} more
        </text></a
      >`
    }
  </g> `
}

function applicationBox(
  service: Service,
  application: Application,
  { x, y, height }: Point & { readonly height: number },
  isFound: boolean,
  key: number,
): Html {
  const { appId, displayName } = application
  const kind = isApi(application) ? 'api' : 'client'
  const sub = descriptionOf(service, application)
  return html`<a
    href="/_/apps/${appId}"
    class="node ${kind} ${isFound && 'found'}"
    data-node="${key}"
    aria-label="${displayName}, ${sub}"
  >
    <title>${displayName}, ${sub}</title>
    <rect class="box" x="${x}" y="${y}" width="${size.width}" height="${height}" rx="8" />
    <text aria-hidden="true" x="${x + 12}" y="${y + height / 2 - 4}"
      >${shortened(displayName, size.characters)}</text
    >
    <text aria-hidden="true" class="sub" x="${x + 12}" y="${y + height / 2 + 14}">${sub}</text>
  </a> `
}

/** What an application is, in a few words. */
export function descriptionOf({ clock }: Pick<Service, 'clock'>, application: Application): string {
  const { secrets, certificates, federatedCredentials, redirectUris, tokenVersion } = application
  if (isApi(application)) return `API, v${tokenVersion} tokens`
  const isLive = ({ until }: { readonly until: number }): boolean => clock.now() < until
  const credential =
    certificates.length > 0
      ? 'certificate'
      : secrets.length > 0
        ? secrets.some(isLive)
          ? 'secret'
          : 'secret expired'
        : federatedCredentials.length > 0
          ? 'federated credential'
          : undefined
  if (redirectUris.spa.length > 0) return 'single-page app'
  if (redirectUris.web.length > 0) return `web app, ${credential ?? 'no credential'}`
  if (credential !== undefined) return `daemon, ${credential}`
  return redirectUris.publicClient.length > 0 ? 'public client' : 'no credential'
}
