import { randomBytes } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { html, type Html } from './html.js'

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 0 auto; padding: 0 1rem 3rem; max-width: 34rem }
header { margin: 1rem 0 2rem; padding: .5rem .75rem; background: #7a2e8e; color: #fff; font-weight: 600 }
h1 { font-size: 1.4rem } code { overflow-wrap: anywhere }
button { display: block; width: 100%; margin: .5rem 0; padding: .6rem .8rem; font: inherit; text-align: left; cursor: pointer }
small { display: block; opacity: .8 } li { margin: .4rem 0 }`

/** Sends a page that cannot be mistaken for Microsoft's: its header names the emulator, and its style is different. */
export function sendPage(
  reply: FastifyReply,
  page: { status?: number; title: string; body: Html; script?: string; frames?: readonly string[] },
): FastifyReply {
  const nonce = randomBytes(16).toString('base64')
  const frames = page.frames ?? []
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${page.title}</title>
        <style nonce="${nonce}">
          ${{ markup: style }}
        </style>
      </head>
      <body>
        <header>Countersign emulator: for development and tests, never type a real password here</header>
        <main>
          <h1>${page.title}</h1>
          ${page.body}
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
