import { advice } from '../base/advice.js'
import { aadsts } from '../base/errors.js'
import type { Parameters } from '../base/parameters.js'
import { isKnownCode } from '../instance/faults.js'
import type { ApiCall, Exchange, Flow, Step } from '../instance/flows.js'
import type { RecordedRequest } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { aadstsMeaning, type CodeExplanation, refusalMeaning } from '../pages/code-meaning.js'
import { decidingRule, refusalSentence } from './deciding-rule.js'
import {
  apiOf,
  endOf,
  type FlowSummary,
  isRefused,
  kindOf,
  partiesOf,
  summaryOf,
  userOf,
} from './flow-words.js'
import { actionForm } from './layout.js'
import { chip, codeBlock, factList, hiddenFields, idText, verdict } from './parts.js'
import { sequence } from './sequence.js'
import { encodedPart, quoted } from './shell.js'
import { timeOfDay } from './time.js'

/** Without script that many are listed; the page's script shows all. */
const listed = 30

/** The list of flows, and beside it one of them. */
export async function liveFlow(
  service: Service,
  asked: Parameters,
  chosen?: { readonly flow: Flow; readonly step: Step },
): Promise<Html> {
  const find = asked.get('find')?.toLowerCase() ?? ''
  const summaries = service.flows
    .latest()
    .map((flow) => summaryOf(service, flow))
    .filter(({ text, isAside }) => (find === '' ? !isAside : text.includes(find)))
  return html`<div class="row" id="live-tools">
      <form class="finder" method="get" action="/_/requests" role="search">
        <label
          >Filter
          <input
            type="search"
            name="find"
            value="${asked.get('find')}"
            placeholder="client, user, AADSTS code, path"
            autocomplete="off"
        /></label>
        <button data-without>Filter</button>
      </form>
      <label class="small" data-with hidden><input type="checkbox" id="aside" />Discovery and keys too</label>
      <span class="chip" id="state" role="status" hidden></span>
      <button type="button" id="pause" aria-pressed="false" hidden>Pause</button>
      ${actionForm(service, '/_/requests/clear', html`<button id="clear">Clear</button>`, 'inline')}
      <a class="button" href="/_/requests" data-without>Look again</a>
    </div>
    <div class="live">
      <div class="card list" id="flows" role="region" aria-label="Flows" tabindex="0">
        ${
          summaries.length === 0
            ? html`<div class="empty" id="none">
                <p><strong>Nothing yet.</strong></p>
                <p>
                  Ask for a token, for example with the curl line of the <a href="/_/settings">settings</a>.
                </p>
                <p>API calls appear when an API reports them: one line, also there.</p>
              </div>`
            : summaries.slice(0, listed).map((summary) => flowLine(summary, chosen?.flow.id))
        }
      </div>
      <div class="card panel" id="panel" aria-live="off">
        ${
          chosen === undefined
            ? html`<p class="muted">
                Choose a flow to see it as a sequence: the sign-in, the code, the tokens, the calls of APIs.
                Secrets, tokens, codes and assertions are masked.
              </p>`
            : await flowPanel(service, chosen.flow, chosen.step)
        }
      </div>
    </div>`
}

function flowLine(summary: FlowSummary, current: number | undefined): Html {
  const { id, time, who, path, kinds, end } = summary
  return html`<a class="flow" href="/_/flows/${id}" ${id === current && html`aria-current="true"`}>
    <time>${time}</time>
    <b>${who !== '' && html`${nameText(who)}, `}${nameText(path)}</b>
    <small>${kinds}</small>
    ${chip(end, summary.isRefused ? 'bad' : 'good')}
  </a> `
}

/** The step that is shown unless another is named: the last one that was refused, else the last. */
export function mainStep({ steps }: Flow): Step {
  return steps.findLast(isRefused) ?? (steps.at(-1) as Step)
}

/** One flow: its sequence, and one step of it in full. */
export async function flowPanel(service: Service, flow: Flow, step: Step): Promise<Html> {
  const meaning = await meaningOf(step)
  const { who, path, kinds } = summaryOf(service, flow)
  return html`<div data-flow="${flow.id}" data-step="${step.id}" class="stack">
    <div>
      <h2 tabindex="-1" id="flow-title">${who !== '' && html`${nameText(who)}, `}${nameText(path)}</h2>
      <p class="muted small">${kinds}, ${flow.steps.length} ${flow.steps.length === 1 ? 'step' : 'steps'}</p>
    </div>
    ${sequence(service, flow, step)}
    ${step.kind === 'request' ? requestDetail(service, step, meaning) : callDetail(service, flow, step.call, meaning)}
  </div>`
}

type RequestStep = Extract<Step, { kind: 'request' }>

/** From the tables of what codes mean. */
async function meaningOf(step: Step): Promise<CodeExplanation | undefined> {
  if (step.kind === 'call') return step.call.code === undefined ? undefined : refusalMeaning(step.call.code)
  const { errorCode } = step.request
  return errorCode === undefined ? undefined : aadstsMeaning(errorCode)
}

function requestDetail(service: Service, step: RequestStep, meaning: CodeExplanation | undefined): Html {
  const { request } = step
  const exchange = service.flows.exchangeOf(step)
  return html`${isRefused(step) && refusal(service, step, meaning)}
    <div class="row">
      <h3>${kindOf(step)}</h3>
      ${chip(endOf(step), isRefused(step) ? 'bad' : 'good')}
      <span class="muted small">${timeOfDay(step.time)}</span>
      ${
        exchange?.issued !== undefined &&
        actionForm(
          service,
          '/_/inspect',
          html`<input type="hidden" name="step" value="${step.id}" /><button class="primary">
              Explain the token
            </button>`,
          'inline',
        )
      }
      ${again(service, step, exchange)}
    </div>
    <div class="grid">
      <section class="stack">
        <h3>Sent</h3>
        <p><code>${request.method} ${request.path}</code></p>
        ${values(request.parameters, 'No parameters.')} ${headers(exchange?.sentHeaders)}
      </section>
      <section class="stack">
        <h3>Answered</h3>
        <p><code>${request.status === 0 ? 'no answer' : request.status}</code></p>
        ${exchange?.answer !== undefined && values(exchange.answer, '')} ${headers(exchange?.answerHeaders)}
        <p class="muted small">Correlation id <code>${request.correlationId}</code></p>
      </section>
    </div>
    <details>
      <summary>As curl</summary>
      ${codeBlock(curlOf(service, request), 'Copy as curl')}
    </details>`
}

/** Why a request was refused: a sentence, the rule with a link to its setting, and what to do. */
function refusal(service: Service, { request }: RequestStep, meaning: CodeExplanation | undefined): Html {
  const { errorCode, error } = request
  const rule = decidingRule(service, request)
  const isKnown = errorCode !== undefined && isKnownCode(errorCode)
  return verdict(
    'bad',
    refusalSentence(service, request),
    html`${
        isKnown &&
        html`<p>Refused: AADSTS${errorCode} ${aadsts[errorCode].error}</p>
          <p>${meaning?.cause}</p>
          <p class="small">${error}</p>
          <p><strong>What to do:</strong> ${advice[errorCode]}</p>`
      }
      <p class="row">
        ${grantButtons(service, request)}
        ${rule !== undefined && html`<span>Rule: <a href="${rule.address}">${rule.name}</a></span>`}
        ${isKnown && html`<a href="/error?code=${errorCode}">What AADSTS${errorCode} means</a>`}
      </p>`,
  )
}

/** For a missing consent: one click grants it. */
function grantButtons(service: Service, request: RecordedRequest): Html | false {
  if (request.errorCode !== 65001) return false
  const client = service.directory.applications.get(request.clientId ?? '')
  const api = apiOf(service, request)
  const user = userOf(service, request)
  if (client === undefined || api === undefined) return false
  const offered = new Set(api.scopes.filter(({ isEnabled }) => isEnabled).map(({ value }) => value))
  const asked = (request.parameters['scope'] ?? '')
    .split(' ')
    .map((word) => word.replace(/^.*\//, ''))
    .filter((word) => offered.has(word))
  const button = (isForAll: boolean): Html =>
    actionForm(
      service,
      '/_/grant',
      html`${hiddenFields({
          tenant: user?.tenantId ?? client.homeTenantId,
          client: client.appId,
          resource: api.appId,
          scopes: asked.join(' '),
          back: `/_/requests/${request.id}`,
        })}
        ${!isForAll && html`<input type="hidden" name="user" value="${user?.id}" />`}
        <button class="${isForAll && 'primary'}">
          ${isForAll ? 'Grant for everyone' : html`Grant for ${nameText(user?.displayName ?? '')} alone`}
        </button>`,
      'inline',
    )
  return html`${button(true)} ${user !== undefined && button(false)}`
}

function again(service: Service, step: Step, exchange: Exchange | undefined): Html | false {
  if (exchange?.repeat === undefined) return false
  if (exchange.repeat.kind === 'open') {
    return html`<a class="button" href="/_/steps/${step.id}/open" target="_blank" rel="noopener"
      >Open it again</a
    >`
  }
  return actionForm(
    service,
    '/_/again',
    html`<input type="hidden" name="step" value="${step.id}" /><button>Do it again</button>`,
    'inline',
  )
}

function callDetail(service: Service, flow: Flow, call: ApiCall, meaning: CodeExplanation | undefined): Html {
  const { outcome, status, code, claim, reason, method, path, tokenId, durationSeconds } = call
  const name = reportedName(service, call)
  const issuing = flow.steps.findLast(
    (step) => service.flows.exchangeOf(step)?.issued?.claims['uti'] === tokenId && tokenId !== undefined,
  )
  return html`${verdict(
    outcome === 'accepted' ? 'good' : 'bad',
    outcome === 'accepted'
      ? html`${nameText(name)} accepted the token.`
      : html`${nameText(name)} refused the request: ${code ?? 'no code'}.`,
    code === undefined || meaning === undefined
      ? undefined
      : html`<p>${meaning.cause}</p>
          <p><strong>What to do:</strong> ${meaning.fix}</p>
          <p><a href="/_/codes/${encodeURIComponent(code)}">What ${code} means</a></p>`,
  )}
  ${factList([
    ...((method ?? path) === undefined ? [] : [['Request', `${method ?? ''} ${path ?? ''}`] as const]),
    ['Status', String(status ?? (outcome === 'accepted' ? 'passed on to the application' : 'not reported'))],
    ...(claim === undefined ? [] : [['At fault', claim] as const]),
    ...(reason === undefined ? [] : [['Reason', reason] as const]),
    ['Token', tokenId === undefined ? 'not named in the report' : html`uti <code>${tokenId}</code>`],
    ...(durationSeconds === undefined
      ? []
      : [['Validated in', `${(durationSeconds * 1000).toFixed(1)} ms`] as const]),
  ])}
  ${
    issuing !== undefined &&
    actionForm(
      service,
      '/_/inspect',
      html`<input type="hidden" name="step" value="${issuing.id}" />
        <input type="hidden" name="api" value="${call.api}" /><button class="primary">
          Explain the token
        </button>`,
    )
  }`
}

function reportedName(service: Service, call: ApiCall): string {
  return partiesOf(service, { id: 0, time: 0, kind: 'call', call }).api
}

function values(of: Readonly<Record<string, string>>, empty: string): Html {
  const entries = Object.entries(of)
  if (entries.length === 0) return html`<p class="muted">${empty}</p>`
  return html`<dl class="values">
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value === '[redacted]' ? html`<code class="muted">${value}</code>` : idText(value)}</dd>
        </div> `,
    )}
  </dl>`
}

function headers(of: Readonly<Record<string, string>> | undefined): Html | false {
  if (of === undefined || Object.keys(of).length === 0) return false
  return html`<details>
    <summary>Headers</summary>
    ${values(of, '')}
  </details>`
}

/** The request once more, for a POSIX shell. Whoever sent it chose the path and the parameters. */
function curlOf({ origin }: Service, { method, path, parameters }: RecordedRequest): string {
  const fields = Object.entries(parameters).map(
    ([name, value]) => `  --data ${quoted(`${encodedPart(name)}=${encodedPart(value)}`)}`,
  )
  const get = method === 'GET' && fields.length > 0 ? [`  --get`] : []
  // Without --globoff curl reads [1-9] in an address as nine addresses.
  return [`curl --globoff ${quoted(`${origin}${encodedPart(path, '%')}`)}`, ...get, ...fields].join(' \\\n')
}
