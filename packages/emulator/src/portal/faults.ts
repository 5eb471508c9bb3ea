import { endpoints, type FaultEffect, type EmulatorEndpoint } from '../instance/faults.js'
import { html, type Html } from '../pages/html.js'
import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { Service } from '../instance/service.js'
import { actionForm } from './layout.js'
import { idText, options, table } from './parts.js'
import { printed } from './time.js'

const kinds = [
  ['status 429', '429 with Retry-After'],
  ['status 503', '503'],
  ['status 500', '500'],
  ['latency', 'slow (5 seconds)'],
  ['malformedJson', 'malformed JSON'],
  ['wrongContentType', 'wrong content type'],
  ['truncatedBody', 'truncated body'],
  ['hang', 'no answer'],
  ['reset', 'connection reset'],
  ['stale', 'stale key set (keys only)'],
  ['hugeKeySet', 'huge key set (keys only)'],
] as const

/** The faults that were added on purpose, and the clock. */
export function faultsAndClock(service: Service): Html {
  const { faults, clock } = service
  const active = faults.list()
  return html`<h2>Active faults</h2>
    <div class="card">
      ${table({
        headings: ['Endpoint', 'Effect', 'Client', 'Times', 'Met', ''],
        rows: active.map(({ id, endpoint, effect, clientId, times, met }) => [
          endpoint,
          html`<code>${JSON.stringify(effect)}</code>`,
          clientId === undefined ? 'any' : idText(clientId),
          times ?? 'until cleared',
          met,
          actionForm(
            service,
            '/_/faults',
            html`<button class="tiny" name="clear" value="${id}" aria-label="Clear the fault of ${endpoint}">
              Clear
            </button>`,
            'inline',
          ),
        ]),
        empty: 'None: everything works.',
      })}
      ${
        active.length > 0 &&
        actionForm(service, '/_/faults', html`<button name="clear" value="all">Clear all</button>`, 'inline')
      }
    </div>
    <h2>Make something fail</h2>
    ${actionForm(
      service,
      '/_/faults',
      html`<div class="grid">
          <label
            >Endpoint
            <select name="endpoint">
              ${options(
                endpoints.map((name) => [name, name] as const),
                'token',
              )}
            </select></label
          >
          <label
            >Effect
            <select name="effect">
              ${options(kinds)}
            </select></label
          >
          <label
            >How many times <small>or nothing for always</small> <input name="times" inputmode="numeric"
          /></label>
          <label>Client id <small>or nothing for all</small> <input name="client" /></label>
        </div>
        <button class="primary" name="add" value="true">Add</button>`,
      'card stack',
    )}
    <h2 id="clock">Clock</h2>
    <div class="card">
      <p>The emulator's time is <strong>${printed(clock.now())}Z</strong>. Tokens expire by it.</p>
      ${actionForm(
        service,
        '/_/clock',
        html`<p class="row">
          <button name="advance" value="60">+1 minute</button>
          <button name="advance" value="3600">+1 hour</button>
          <button name="advance" value="86400">+1 day</button>
          <button name="real" value="true">The machine's time</button>
        </p>`,
      )}
    </div>`
}

/** Adds or clears a fault, as the form demands. Throws a TypeError for a wrong fault. */
export function changeFaults({ faults }: Controls, form: Parameters): void {
  const clear = form.get('clear')
  if (clear === 'all') faults.clear()
  else if (clear !== undefined) faults.clearOne(Number(clear))
  else {
    const [times, clientId] = [form.get('times'), form.get('client')]
    faults.add({
      endpoint: form.require('endpoint') as EmulatorEndpoint,
      effect: effectOf(form.require('effect')),
      ...(times === undefined ? {} : { times: Number(times) }),
      ...(clientId === undefined ? {} : { clientId }),
    })
  }
}

function effectOf(text: string): FaultEffect {
  const [, status] = /^status (\d{3})$/.exec(text) ?? []
  if (status !== undefined) {
    return { kind: 'status', status: Number(status), ...(status === '429' ? { retryAfterSeconds: 5 } : {}) }
  }
  if (text === 'latency') return { kind: 'latency', seconds: 5 }
  if (text === 'hugeKeySet') return { kind: 'hugeKeySet', keys: 2000 }
  return { kind: text } as FaultEffect
}

export function changeClock({ clock }: Controls, form: Parameters): void {
  if (form.get('real') === 'true') clock.set(Date.now() / 1000)
  else clock.advance(Number(form.require('advance')))
}
