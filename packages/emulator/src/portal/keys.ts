import type { EmulatorKeys } from '../controls/keys.js'
import { html, type Html } from '../pages/html.js'
import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { actionForm, table } from './layout.js'

/** Each key and its state, and the steps a key can take. */
export async function keyList(service: Service): Promise<Html> {
  const keys = await service.keys.list()
  const button = (name: string, text: string, kid: string): Html =>
    actionForm(
      service,
      '/_/keys',
      html`<input type="hidden" name="kid" value="${kid}" /><button name="do" value="${name}">
          ${text}
        </button>`,
      'inline',
    )
  return html`<p>
      Publish before use, use, then withdraw. <a href="/common/discovery/v2.0/keys">The set of v2.0</a> ·
      <a href="/common/discovery/keys">of v1.0</a>. The sets also list keys that nothing signs with, as live
      sets have several.
    </p>
    ${table(
      ['kid', 'Signs for', 'State', ''],
      keys.map(
        ({ kid, owner, state, flapping }) =>
          html`<tr>
            <td><code>${kid}</code></td>
            <td>${owner}</td>
            <td>
              ${state}${flapping !== undefined && html`, flapping ${flapping.listed}:${flapping.absent}`}
            </td>
            <td>
              ${(state === 'next' || state === 'retiring') && [button('use', 'Use', kid), button('withdraw', 'Withdraw', kid)]}
              ${state !== 'withdrawn' && (flapping === undefined ? button('flap', 'Flap', kid) : button('steady', 'Steady', kid))}
            </td>
          </tr> `,
      ),
      'No keys yet.',
    )}
    <h2>More keys</h2>
    ${actionForm(
      service,
      '/_/keys',
      html`<button name="do" value="publish">Publish a new key</button>
        <button name="do" value="replaceAll">Emergency: replace all</button>
        <button name="do" value="microsoftAccounts">Add a key of personal accounts</button>
        <button name="do" value="usGovernment">Add a key of the US Government cloud</button>`,
      'inline',
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
