import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import { isIdentifiedBy } from '../directory/lookup.js'
import type { Inspection } from '../inspect/inspect-token.js'
import type { ApiVerdict, Check } from '../inspect/rules.js'
import { type Json, written } from '../inspect/token.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { isApi, isInEveryTenant } from './call-graph.js'
import { failureWords, fixOf } from './check-words.js'
import { claimMeaning, claimOrder, timeClaims } from './claim-words.js'
import { actionForm } from './layout.js'
import { chip, chooser, codeBlock, idText, type Row, table, verdict } from './parts.js'
import { shortened } from './shortened.js'
import { countdown } from './time.js'

/**
 * A form to paste a token into, and the explanation of what was pasted. The token stays in the form; it is neither kept
 * nor in an address.
 */
export async function inspectorPage(controls: Controls, form: Parameters | undefined): Promise<Html> {
  const service = controls.instance
  const step = form?.get('step')
  const token = form?.get('token') ?? ''
  const found = step === undefined ? undefined : issuedIn(service, step)
  const inspection =
    found !== undefined
      ? await controls.explainIssued(found)
      : token === ''
        ? undefined
        : await controls.explainToken(token)
  const judge = inspection && judgeOf(service, inspection, form?.get('api'))
  const explained = inspection !== undefined && explanation(service, inspection, judge)
  const apis = [...service.directory.applications.values()]
    .filter((application) => isApi(application) && !isInEveryTenant(application))
    .map(({ appId, displayName }) => [appId, displayName] as const)
  return html`${explained !== false && explained.top}
  ${actionForm(
    service,
    '/_/inspect',
    html`${
        found === undefined
          ? html`<label
              >Token
              <textarea
                name="token"
                rows="4"
                autocomplete="off"
                spellcheck="false"
                placeholder="eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIs…"
              >
${token}</textarea>
            </label>`
          : html`<p>
              The token that step ${step} issued. Its signature was not kept.
              <input type="hidden" name="step" value="${step}" />
            </p>`
      }
      <div class="finder">
        ${chooser('Judged by', 'api', apis, judge?.api.appId, '(the API it is for)')}
        <button class="primary">Explain</button>
      </div>`,
    'card stack',
  )}
  ${
    explained === false
      ? html`<div class="empty">
          <p>Paste a token, with or without <code>Bearer</code>, quotes and line breaks around it.</p>
          <p>
            No token at hand? <a href="/_/mint">Mint one</a>, or open a request of the
            <a href="/_/requests">live flow</a> and explain its token.
          </p>
        </div>`
      : explained.rest
  }`
}

function issuedIn({ flows }: Service, step: string): { header: Json; claims: Json } | undefined {
  const found = flows.findStep(({ id }) => String(id) === step)
  return found && flows.exchangeOf(found.step)?.issued
}

/** The API that is asked: the one that was chosen, else the one it is for, else the one that accepts the most. */
function judgeOf(
  { directory }: Service,
  { verdicts, claims }: Inspection,
  chosen: string | undefined,
): ApiVerdict | undefined {
  const isNamed = ({ api }: ApiVerdict, name: string): boolean =>
    api.appId === name.toLowerCase() || api.displayName === name || api.identifierUris.includes(name)
  const apis = verdicts.filter(({ api }) => {
    const application = directory.applications.get(api.appId)
    return application !== undefined && isApi(application) && !isInEveryTenant(application)
  })
  const named = chosen === undefined ? undefined : verdicts.find((each) => isNamed(each, chosen))
  const audience = written(claims?.['aud'])
  return (
    named ??
    apis.find(({ isAccepted }) => isAccepted) ??
    apis.find((each) => isNamed(each, audience)) ??
    apis.toSorted((a, b) => passed(b) - passed(a))[0]
  )
}

function passed({ checks }: ApiVerdict): number {
  return checks.filter(({ result }) => result === 'ok').length
}

/** Verdict and fix, to be at the top of a page; claims and checks, to be below. */
export function explanation(
  service: Service,
  inspection: Inspection,
  judge: ApiVerdict | undefined,
): { readonly top: Html; readonly rest: Html } {
  const { kind, header, claims, verdicts } = inspection
  return {
    top: top(service, inspection, judge),
    rest:
      claims === undefined
        ? html`${header !== undefined && json({ header })}`
        : html`<p class="row">
              ${chip(kind)}
              ${typeof claims['exp'] === 'number' && chip(html`expires ${countdown(service, claims['exp'])}`)}
            </p>
            <div class="columns">
              <section class="card" aria-labelledby="claims">
                <h2 id="claims">What it says</h2>
                ${claimTable(service, claims)}
              </section>
              ${
                judge !== undefined &&
                html`<section class="card" aria-labelledby="checks">
                  <h2 id="checks">How ${nameText(judge.api.displayName)} judges it</h2>
                  ${checkList(service, judge)}
                  ${judge.challenge !== undefined && html`<p class="small muted">It answers 401, for example with <code>WWW-Authenticate: ${judge.challenge}</code></p>`}
                </section>`
              }
            </div>
            ${others(verdicts, judge)} ${json({ header, claims })}`,
  }
}

function top(
  service: Service,
  { story, claims = {}, kind }: Inspection,
  judge: ApiVerdict | undefined,
): Html {
  if (judge === undefined) {
    return verdict(
      'bad',
      story === undefined
        ? 'No API is registered that could judge this token.'
        : `Every API refuses it: it is ${kind}.`,
      story &&
        html`<p>${story.why}</p>
          <p><strong>What to do:</strong> ${story.fix}</p>`,
    )
  }
  const name = nameText(judge.api.displayName)
  if (judge.isAccepted) {
    return verdict('good', html`Accepted by ${name}: every check holds.`, acceptedDetails(claims))
  }
  const failed = judge.checks.find(({ result }) => result === 'failed') as Check
  const also = judge.checks.filter(
    ({ result, expected }) => result === 'not reached' && expected !== undefined,
  )
  const { what, line, portal } = fixOf(judge, failed)
  return verdict(
    'bad',
    story === undefined
      ? html`Refused by ${name}: ${failureWords(failed, claims, service.clock.now())}.`
      : html`Refused by ${name}. ${story.why}`,
    html`${story !== undefined && html`<p>The check that fails: ${failureWords(failed, claims, service.clock.now())}.</p>`}
      <p><strong>What to do:</strong> ${story?.fix} ${what}</p>
      ${line !== undefined && codeBlock(line, 'Copy the line')}
      ${portal !== undefined && html`<p class="small">In the Entra portal: ${portal}.</p>`}
      ${
        also.length > 0 &&
        html`<p class="small">It would also fail at: ${also.map((check) => check.name).join(', ')}.</p>`
      }`,
  )
}

function acceptedDetails(claims: Json): Html {
  const [scopes, roles] = [claims['scp'], claims['roles']]
  return html`<p>
    ${typeof scopes === 'string' && html`It carries the scopes <code>${scopes}</code>. `}
    ${Array.isArray(roles) && html`It carries the roles <code>${roles.join(' ')}</code>.`}
  </p>`
}

function claimTable(service: Service, claims: Json): Html {
  const { directory } = service
  return table({
    headings: ['Claim', 'Value', 'Meaning'],
    rows: sorted(Object.entries(claims)).map(([name, value]): Row => [
      html`<code>${shortened(name, 40)}</code>`,
      timeClaims.has(name) && typeof value === 'number' ? countdown(service, value) : claimValue(value),
      claimMeaning(directory, name, value, claims),
    ]),
    empty: 'It has no claims.',
  })
}

/** What decides comes first, and opaque data last. */
function sorted(claims: [string, unknown][]): [string, unknown][] {
  const place = (name: string): number => {
    const index = claimOrder.indexOf(name)
    return index < 0 ? claimOrder.indexOf('') : index
  }
  return claims.toSorted(([a], [b]) => place(a) - place(b))
}

function claimValue(value: unknown): Html {
  const text = written(value)
  const isLong = text.length > 60
  return isLong ? html`<code title="${text.slice(0, 1000)}">${text.slice(0, 48)}…</code>` : idText(text)
}

function checkList(service: Service, { checks }: ApiVerdict): Html {
  const marks = {
    ok: ['✓', 'ok', 'holds'],
    failed: ['✗', 'no', 'failed'],
    'not reached': ['·', 'muted', 'not reached'],
  } as const
  return html`<ul class="checks">
    ${checks.map((check) => {
      const { name, result, expected, received } = check
      const [mark, colour, word] = marks[result]
      return html`<li class="${result === 'failed' && 'failed'}" data-check="${name}" data-result="${result}">
        <span class="${colour}" aria-hidden="true">${mark}</span>
        <span>${name}<span class="sr"> ${word}</span></span>
        <span>
          ${
            result === 'ok'
              ? html`<span class="muted">${foundText(service, name, received)}</span>`
              : expected === undefined
                ? html`<span class="muted">not reached</span>`
                : html`<dl class="pair">
                    <dt>expected</dt>
                    <dd>
                      ${expected.split(' or ').map((text, index) => html`${index > 0 && ' or '}${idText(text)}`)}
                    </dd>
                    <dt>found</dt>
                    <dd>${foundText(service, name, received)}</dd>
                    ${
                      result === 'not reached' &&
                      html`<dt>result</dt>
                        <dd>not reached, would fail</dd>`
                    }
                  </dl>`
          }
        </span>
      </li> `
    })}
  </ul>`
}

function foundText(service: Service, name: string, received: string | undefined): Html {
  if (name === 'audience') {
    const api = [...service.directory.applications.values()].find((each) => isIdentifiedBy(each, received))
    return html`${idText(received ?? '')} ${api !== undefined && nameText(api.displayName)}`
  }
  const isTime = name === 'expiry' || name === 'not before' || name === 'issued'
  const seconds = Number(received)
  if (isTime && Number.isFinite(seconds)) return countdown(service, seconds)
  return idText(received ?? '')
}

/** What the other APIs would say, in a line. */
function others(verdicts: readonly ApiVerdict[], judge: ApiVerdict | undefined): Html | false {
  const rest = verdicts.filter((each) => each !== judge)
  if (rest.length === 0) return false
  const accepting = rest.filter(({ isAccepted }) => isAccepted)
  const few = rest.toSorted((a, b) => passed(b) - passed(a)).slice(0, 8)
  return html`<details>
    <summary>
      ${
        accepting.length === 0
          ? `${judge?.isAccepted === true ? 'No other' : 'Nor does any other'} registered application ${judge?.isAccepted === true ? 'accepts' : 'accept'} it`
          : `Accepted by ${accepting
              .slice(0, 5)
              .map(({ api }) => api.displayName)
              .join(', ')} as well`
      }
    </summary>
    ${table({
      headings: ['Application', 'Says', 'Because of'],
      rows: few.map(({ api, isAccepted, checks }) => [
        nameText(api.displayName),
        isAccepted ? html`<span class="ok">accepts</span>` : html`<span class="no">refuses</span>`,
        checks.find(({ result }) => result === 'failed')?.name ?? '',
      ]),
      empty: '',
    })}
  </details>`
}

function json(value: object): Html {
  return html`<details>
    <summary>As JSON, decoded and not verified</summary>
    ${codeBlock(JSON.stringify(value, undefined, 2), 'Copy the JSON')}
  </details>`
}
