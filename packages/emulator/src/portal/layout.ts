import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { html, type Html } from '../pages/html.js'
import { readParameters, type Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'

/*
 * The page under `/_/`: plain HTML and forms, no script, no outside fonts. A badge and a colour that no real sign-in
 * page has are at the top of every page.
 */

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; font: 15px/1.5 system-ui, sans-serif }
body { margin: 0 } main { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem 4rem }
.badge { background: #7a2e8e; color: #fff; padding: .4rem 1.25rem; font-weight: 600 }
.badge small { font-weight: 400; margin-left: 1rem }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: .75rem 1.25rem; border-bottom: 1px solid var(--line) }
nav a { text-decoration: none; color: inherit; padding-bottom: .15rem } nav a[aria-current] { font-weight: 600; border-bottom: 2px solid #7a2e8e }
h1 { font-size: 1.5rem; margin: 1.5rem 0 .25rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } p { max-width: 48rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600; font-size: .85rem; opacity: .75 } code, pre { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: var(--soft); padding: .75rem; white-space: pre-wrap } .scroll { overflow-x: auto }
form.inline { display: inline } label { display: block; margin: .5rem 0 } label input, label select, label textarea { display: block; width: 100%; max-width: 34rem; box-sizing: border-box } label.wide textarea { max-width: none; font: 13px/1.5 ui-monospace, monospace }
input, select, textarea, button { font: inherit; padding: .35rem .5rem } button { cursor: pointer }
.ok { color: #187a36 } .no { color: #b3261e } @media (prefers-color-scheme: dark) { .ok { color: #6fd08c } .no { color: #ff8a80 } }
.warn { background: #f5c51833; border-left: 4px solid #f5c518; padding: .5rem .75rem; margin: 1rem 0 }
details summary { cursor: pointer } .soft { opacity: .75 } .grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 0 2rem }`

const sections = [
  ['', 'Overview'],
  ['registration', 'Registration'],
  ['requests', 'Requests'],
  ['consent', 'Consent'],
  ['mint', 'Mint a token'],
  ['inspect', 'Inspect a token'],
  ['keys', 'Keys'],
  ['faults', 'Faults and clock'],
  ['state', 'State'],
] as const

export type Section = (typeof sections)[number][0]

export function sendPortalPage(
  service: Service,
  reply: FastifyReply,
  page: { readonly section: Section; readonly title: string; readonly body: Html; readonly status?: number },
): FastifyReply {
  const nonce = randomBytes(16).toString('base64')
  const faults = service.faults.list().length
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${page.title} · Countersign emulator</title>
        <style nonce="${nonce}">
          ${{ markup: style }}
        </style>
      </head>
      <body>
        <header class="badge">
          Countersign: local emulator
          <small>for development and tests, never type a real password here</small>
        </header>
        <nav aria-label="Pages">
          ${sections.map(
            ([path, name]) =>
              html`<a href="/_/${path}" ${path === page.section && html`aria-current="page"`}>${name}</a> `,
          )}
        </nav>
        <main>
          ${
            faults > 0 &&
            html`<p class="warn" role="status">
              ${faults} ${faults === 1 ? 'fault is' : 'faults are'} active:
              <a href="/_/faults">see and clear</a>
            </p>`
          }
          <h1>${page.title}</h1>
          ${page.body}
        </main>
      </body>
    </html> `
  return reply
    .status(page.status ?? 200)
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    )
    .header('x-frame-options', 'DENY')
    .header('cross-origin-opener-policy', 'same-origin')
    .send(document.markup)
}

/** A form that changes something contains a token that only a page of this instance has (CSRF). */
export function actionForm(service: Service, action: string, body: Html, className = ''): Html {
  return html`<form method="post" action="${action}" class="${className}">
    <input type="hidden" name="page_token" value="${service.seal.seal('page', {})}" />
    ${body}
  </form>`
}

/** The fields of such a form. A form from another site is refused. */
export function readAction(service: Service, request: FastifyRequest): Parameters {
  const { origin, host } = request.headers
  const own = `${new URL(service.origin).protocol}//${host}`
  const form = readParameters(request.body)
  const isOurs = service.seal.open('page', form.get('page_token') ?? '') !== undefined
  if (!isOurs || (origin !== undefined && origin !== own)) throw new EntraError(9002313)
  return form
}

/** A time on the emulator's clock, and how far it is from now. */
export function when(service: Service, seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return 'out of range'
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} (${distance(seconds - service.clock.now())})`
}

export function distance(seconds: number): string {
  const amount = Math.abs(Math.round(seconds))
  const [unit, size] = (
    [
      ['day', 86_400],
      ['hour', 3600],
      ['minute', 60],
      ['second', 1],
    ] as const
  ).find(([, each]) => amount >= each) ?? ['second', 1]
  const count = Math.round(amount / size)
  const text = `${count} ${unit}${count === 1 ? '' : 's'}`
  return seconds < 0 ? `${text} ago` : `in ${text}`
}

export function table(headings: readonly string[], rows: readonly Html[], empty: string): Html {
  if (rows.length === 0) return html`<p class="soft">${empty}</p>`
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${headings.map((heading) => html`<th scope="col">${heading}</th> `)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

/** A table of names and values. */
export function factTable(facts: readonly (readonly [string, string | Html])[]): Html {
  return table(
    ['', ''],
    facts.map(
      ([name, value]) =>
        html`<tr>
          <th scope="row">${name}</th>
          <td>${value}</td>
        </tr> `,
    ),
    '',
  )
}

export function options(values: readonly (readonly [string, string])[], selected?: string): Html[] {
  return values.map(
    ([value, text]) =>
      html`<option value="${value}" ${value === selected && html`selected`}>${text}</option> `,
  )
}
