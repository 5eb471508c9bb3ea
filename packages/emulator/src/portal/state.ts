import { packageVersion } from '../base/package-info.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { actionForm } from './layout.js'
import { factList } from './parts.js'
import { distance } from './time.js'

/** What the page shows about the instance itself. */
export interface InstanceFacts {
  /** The path of the state file; undefined for an instance that keeps everything in memory. */
  readonly stateFile: string | undefined
  /** Each option that makes it less strict, as `name: meaning`. */
  readonly leniencies: readonly string[]
  readonly accessTokenLifetimeSeconds: number
  /** Seconds since the start, on the machine's clock. */
  readonly uptime: () => number
}

/** How strict the instance is and where its state is kept, with forms to export, import and reset it. */
export function statePage(service: Service, facts: InstanceFacts): Html {
  const { stateFile, leniencies, uptime } = facts
  const lines: readonly (readonly [string, string | Html])[] = [
    ['Version', packageVersion()],
    ['Running', distance(uptime()).replace('in ', 'for ')],
    [
      'State',
      stateFile === undefined ? 'in memory: gone at the end' : html`the file <code>${stateFile}</code>`,
    ],
    ['Access tokens live', distance(facts.accessTokenLifetimeSeconds).replace('in ', '')],
  ]
  return html`<div class="card">${factList(lines)}</div>
    <h2>Less strict than Entra</h2>
    ${
      leniencies.length === 0
        ? html`<p>Nothing: it refuses what Entra refuses.</p>`
        : html`<div class="verdict warn">
            <ul>
              ${leniencies.map((leniency) => html`<li>${leniency}</li> `)}
            </ul>
          </div>`
    }
    <h2>Snapshot</h2>
    <p>
      Keys, consents and what became of users, for another instance to go on from.
      <strong>It holds private keys.</strong> The registration is not in it.
    </p>
    ${actionForm(service, '/_/state/snapshot', html`<button class="primary">Download a snapshot</button>`)}
    ${actionForm(
      service,
      '/_/state',
      html`<label
          >A snapshot, pasted
          <textarea name="snapshot" rows="5" autocomplete="off" spellcheck="false"></textarea>
        </label>
        <button
          class="danger"
          data-ask="Go on from this snapshot? Keys, consents and sign-ins of this instance are dropped."
        >
          Go on from it
        </button>`,
      'stack',
    )}
    <h2>Sign-ins</h2>
    <p>
      A refresh token is sealed and not stored, so there is no list of them; what a user has is ended on the
      page of <a href="/_/users">users</a>.
    </p>
    <h2>Start over</h2>
    ${actionForm(
      service,
      '/_/reset',
      html`<p>
          Back to the registration: consents, faults and recorded requests go; keys and the clock stay.
        </p>
        <button class="danger" data-ask="Reset? Consents, faults and recorded requests go.">Reset</button>`,
    )}`
}
