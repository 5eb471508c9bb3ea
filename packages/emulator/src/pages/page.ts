import { randomBytes } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { pageFile } from '../base/package-info.js'
import { html, type Html } from './html.js'

let theme: Html | undefined

/** The style that every page has: colours, type, buttons. */
export function themeStyle(): Html {
  return (theme ??= { markup: pageFile('theme.css') })
}

/** Sends a page that cannot be mistaken for Microsoft's: its header names the emulator, and its style is different. */
export function sendPage(
  reply: FastifyReply,
  page: {
    readonly status?: number
    /** Of the window. */
    readonly title: string
    /** Default: the title. */
    readonly headline?: Html
    readonly body: Html
    readonly script?: string
    readonly frames?: readonly string[]
  },
): FastifyReply {
  const nonce = randomBytes(16).toString('base64')
  const frames = page.frames ?? []
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title}</title>
        <style nonce="${nonce}">
          ${themeStyle()}
        </style>
      </head>
      <body>
        <header class="top">
          <span class="badge">Not a real sign-in</span>
          <span>Countersign emulator: for development and tests, never type a real password here</span>
        </header>
        <main class="single">
          <div class="card">
            <h1>${page.headline ?? page.title}</h1>
            ${page.body}
          </div>
        </main>
        ${
          page.script !== undefined &&
          html`<script nonce="${nonce}">
            ${{ markup: page.script }}
          </script>`
        }
      </body>
    </html> `
  return reply
    .status(page.status ?? 200)
    .header('content-type', 'text/html; charset=utf-8')
    .header(
      'content-security-policy',
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ${frames.length > 0 ? `frame-src ${frames.join(' ')}; ` : ''}base-uri 'none'; frame-ancestors 'none'`,
    )
    .header('x-frame-options', 'DENY')
    .send(document.markup)
}
