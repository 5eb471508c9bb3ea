import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { ApiVerdict } from '../inspect/rules.js'
import { html, type Html } from '../pages/html.js'
import { actionForm, factTable, table } from './layout.js'

/** A form to paste a token into. The token is neither kept nor shown again. */
export async function inspectorPage(controls: Controls, form: Parameters | undefined): Promise<Html> {
  const token = form?.get('token') ?? ''
  return html`<p>The token stays on this machine, and is neither logged nor kept.</p>
    ${actionForm(
      controls.instance,
      '/_/inspect',
      html`<label
          >Token <textarea name="token" rows="5" autocomplete="off" spellcheck="false"></textarea>
        </label>
        <button>Explain</button>`,
    )}
    ${token !== '' && (await inspection(controls, token))}`
}

/** What a token is, and whether each registered API would accept it. */
export async function inspection(controls: Controls, token: string): Promise<Html> {
  const { kind, facts, header, claims, verdicts, story } = await controls.explainToken(token)
  const accepted = verdicts.filter(({ isAccepted }) => isAccepted)
  return html`<h2 class="${accepted.length > 0 ? 'ok' : 'no'}">
      ${accepted.length > 0 ? `Accepted by ${accepted.map(({ api }) => api.displayName).join(', ')}` : 'Refused by every registered API'}
    </h2>
    <p>This is ${kind}.</p>
    ${story !== undefined && html`<p><strong>Why:</strong> ${story.why}<br /><strong>What to do:</strong> ${story.fix}</p>`}
    ${factTable(facts)}
    <h2>What each API would say</h2>
    ${[...verdicts].toSorted((a, b) => reached(b) - reached(a)).map(verdictDetail)}
    <h2>What is in it</h2>
    <pre>${JSON.stringify({ header, claims }, undefined, 2)}</pre>`
}

function reached({ checks }: ApiVerdict): number {
  return checks.filter(({ result }) => result === 'ok').length
}

function verdictDetail({ api, isAccepted, checks, challenge }: ApiVerdict): Html {
  const failed = checks.find(({ result }) => result === 'failed')
  return html`<details ${isAccepted && html`open`}>
    <summary>
      <strong>${api.displayName}</strong>
      <span class="${isAccepted ? 'ok' : 'no'}"
        >${isAccepted ? 'accepts' : `refuses: ${failed?.name ?? ''}`}</span
      >
    </summary>
    ${table(
      ['Check', 'Result', 'Expected', 'Received'],
      checks.map(
        ({ name, result, expected, received }) =>
          html`<tr>
            <td>${name}</td>
            <td class="${result === 'ok' ? 'ok' : result === 'failed' ? 'no' : 'soft'}">${result}</td>
            <td>${expected}</td>
            <td>${received}</td>
          </tr> `,
      ),
      '',
    )}
    ${challenge !== undefined && html`<p class="soft">401, for example <code>WWW-Authenticate: ${challenge}</code></p>`}
  </details> `
}
