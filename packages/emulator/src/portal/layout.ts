import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EntraError } from '../base/errors.js'
import { type PageFile, pageFile } from '../base/package-info.js'
import { readParameters, type Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { themeStyle } from '../pages/page.js'
import { nowText } from './time.js'

/*
 * The frame of every page under `/_/`. All of it works without script, and loads nothing from anywhere: style and script
 * are in the page. A badge and a colour that no real sign-in page has are at the top.
 */

const groups = [
  [
    '',
    [
      ['', 'Overview'],
      ['requests', 'Live flow'],
      ['inspect', 'Inspect a token'],
      ['mint', 'Mint a token'],
    ],
  ],
  [
    'Directory',
    [
      ['apps', 'Applications'],
      ['users', 'Users'],
      ['consent', 'Consent'],
    ],
  ],
  [
    'Conditions',
    [
      ['keys', 'Keys'],
      ['faults', 'Faults and clock'],
    ],
  ],
  [
    'Instance',
    [
      ['registration', 'Registration'],
      ['state', 'State'],
      ['settings', 'Settings to copy'],
    ],
  ],
] as const

export type Section = (typeof groups)[number][1][number][0]

/** One page. */
export interface PortalPage {
  readonly section: Section
  /** Of the window, and the headline unless another is given. */
  readonly title: string
  readonly headline?: Html
  /** What the page shows, in a sentence. */
  readonly lead?: string | Html
  readonly body: Html
  readonly status?: number
  /** A script for this page alone. */
  readonly script?: 'live.js'
}

/** Read at the first page. */
const files = new Map<string, Html>()

function file(name: PageFile): Html {
  const known = files.get(name) ?? { markup: shortened(pageFile(name)) }
  files.set(name, known)
  return known
}

/** Without indentation and comments of whole lines: every page carries the text. */
function shortened(text: string): string {
  return text.replaceAll(/^\s*(?:\/\/.*|\/\*.*\*\/)?\n|^\s+/gm, '')
}

export function sendPortalPage(service: Service, reply: FastifyReply, page: PortalPage): FastifyReply {
  const nonce = randomBytes(16).toString('base64')
  const faults = service.faults.list().length
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title} · Countersign emulator</title>
        <style nonce="${nonce}">
          ${themeStyle()}
          ${file('portal.css')}
        </style>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the page</a>
        <header class="top">
          <a class="brand" href="/_/">Countersign: local emulator</a>
          <span class="badge">No real accounts</span>
          <span class="now">${nowText(service)}</span>
        </header>
        <div class="shell">
          <nav class="menu" aria-label="Pages">${menu(service, page.section)}</nav>
          <main id="main" tabindex="-1">
            ${
              faults > 0 &&
              html`<p class="verdict warn" role="status">
                <span>
                  ${faults} ${faults === 1 ? 'fault is' : 'faults are'} active:
                  <a href="/_/faults">see and clear</a></span
                >
              </p>`
            }
            <h1>${page.headline ?? page.title}</h1>
            ${page.lead !== undefined && html`<p class="lead">${page.lead}</p>`} ${page.body}
          </main>
        </div>
        <script nonce="${nonce}">
          ${file('page.js')}
        </script>
        ${
          page.script !== undefined &&
          html`<script nonce="${nonce}">
            ${file(page.script)}
          </script>`
        }
      </body>
    </html> `
  return reply
    .status(page.status ?? 200)
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    )
    .header('x-frame-options', 'DENY')
    .header('cross-origin-opener-policy', 'same-origin')
    .send(document.markup)
}

/** A part of a page, for the page's own script. Opened by itself, it does nothing. */
export function sendPart(reply: FastifyReply, part: Html): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    )
    .header('x-frame-options', 'DENY')
    .send(part.markup)
}

function menu(service: Service, current: Section): Html[] {
  const { directory, flows, faults } = service
  const users = [...directory.tenants.values()].reduce((sum, tenant) => sum + tenant.users.size, 0)
  const counts: Partial<Record<Section, number>> = {
    requests: flows.latest().length,
    apps: directory.applications.size,
    users,
    faults: faults.list().length,
  }
  return groups.map(
    ([name, sections]) =>
      html`${name !== '' && html`<p class="group">${name}</p>`}
        <ul aria-label="${name || 'Tools'}">
          ${sections.map(([path, title]) => {
            const count = counts[path] ?? 0
            return html`<li>
              <a href="/_/${path}" ${path === current && html`aria-current="page"`}
                >${title} ${count > 0 && html`<span>${count}</span>`}</a
              >
            </li> `
          })}
        </ul>`,
  )
}

/** A form that changes something contains a token that only a page of this instance has (CSRF). */
export function actionForm(service: Service, action: string, body: Html, className = ''): Html {
  return html`<form method="post" action="${action}" class="${className}">
    ${pageToken(service)} ${body}
  </form>`
}

/** The token as a field of a form. */
export function pageToken(service: Service): Html {
  return html`<input type="hidden" name="page_token" value="${service.seal.seal('page', {})}" />`
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
