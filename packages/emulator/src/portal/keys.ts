import type { EmulatorKeys } from '../controls/keys.js'
import { html, type Html } from '../pages/html.js'
import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { actionForm } from './layout.js'
import { chip, table } from './parts.js'

/** Each key and its state, and the steps a key can take. */
export async function keyList(service: Service): Promise<Html> {
  const keys = await service.keys.list()
  const button = (name: string, text: string, kid: string): Html =>
    actionForm(
      service,
      '/_/keys',
      html`<input type="hidden" name="kid" value="${kid}" /><button
          class="tiny ${name === 'withdraw' && 'danger'}"
          name="do"
          value="${name}"
          aria-label="${text} key ${kid}"
          ${name === 'withdraw' && html`data-ask="Withdraw this key? Tokens signed with it are refused."`}
        >
          ${text}
        </button>`,
      'inline',
    )
  return html`<p class="lead">
      Publish before use, use, then withdraw. <a href="/common/discovery/v2.0/keys">The set of v2.0</a>,
      <a href="/common/discovery/keys">of v1.0</a>. The sets also list keys that nothing signs with, as live
      sets have several.
    </p>
    <div class="card">
      ${table({
        headings: ['kid', 'Signs for', 'State', ''],
        rows: keys.map(({ kid, owner, state, flapping }) => [
          html`<code>${kid}</code>`,
          owner,
          html`${chip(state, state === 'signing' ? 'good' : state === 'withdrawn' ? 'bad' : '')}
          ${flapping !== undefined && html`flapping ${flapping.listed}:${flapping.absent}`}`,
          html`${(state === 'next' || state === 'retiring') && html`${button('use', 'Use', kid)} ${button('withdraw', 'Withdraw', kid)}`}
          ${state !== 'withdrawn' && (flapping === undefined ? button('flap', 'Flap', kid) : button('steady', 'Steady', kid))}`,
        ]),
        empty: 'No keys yet.',
      })}
    </div>
    <h2>More keys</h2>
    ${actionForm(
      service,
      '/_/keys',
      html`<p class="row">
        <button class="primary" name="do" value="publish">Publish a new key</button>
        <button name="do" value="microsoftAccounts">Add a key of personal accounts</button>
        <button name="do" value="usGovernment">Add a key of the US Government cloud</button>
        <button
          class="danger"
          name="do"
          value="replaceAll"
          data-ask="Replace all keys? Tokens that were issued are refused then."
        >
          Emergency: replace all
        </button>
      </p>`,
      'card',
    )}`
}

export async function changeKeys(keys: EmulatorKeys, form: Parameters): Promise<void> {
  const kid = form.get('kid') ?? ''
  const steps: Readonly<Record<string, () => Promise<unknown>>> = {
    publish: () => keys.publish(),
    use: () => keys.use(kid),
    withdraw: () => keys.withdraw(kid),
    flap: () => keys.flap(kid, { listed: 1, absent: 1 }),
    steady: () => keys.steady(kid),
    replaceAll: () => keys.replaceAll(),
    microsoftAccounts: () => keys.publishForeign('microsoftAccounts'),
    usGovernment: () => keys.publishForeign('usGovernment'),
  }
  const step = form.require('do')
  if (!Object.hasOwn(steps, step)) throw new TypeError('unknown step of a key')
  await steps[step]?.()
}
