import type { Flow, Step } from '../instance/flows.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { shortened } from './shortened.js'
import { answerWords, isRefused, partiesOf, requestWords } from './flow-words.js'

/*
 * The sequence diagram of a flow: a line of life for each party, two arrows for each step.
 */

const size = { room: 540, left: 70, top: 44, step: 62 }
/** A little wider than its box, it is drawn smaller; much wider, the box scrolls. */
const mostFitted = 800
/** Older steps are left out: the end is what counts. */
const mostSteps = 40
const tokenService = 'token service'

/** `current`: the step whose details are shown. */
export function sequence(service: Service, flow: Flow, current: Step): Html {
  const steps = flow.steps.slice(-mostSteps)
  const parties: string[] = []
  const column = (name: string): number => {
    const known = parties.indexOf(name)
    return known >= 0 ? known : parties.push(name) - 1
  }
  const rows = steps.map((step) => {
    const { client, api } = partiesOf(service, step)
    const from = column(
      client === '' ? (step.kind === 'call' ? callerBefore(service, flow, step) : 'client') : client,
    )
    const to = column(step.kind === 'call' ? api : tokenService)
    return { step, from, to: to === from ? column(`${api || tokenService} `) : to }
  })
  const distance = Math.round(Math.min(300, Math.max(150, size.room / Math.max(1, parties.length - 1))))
  const x = (index: number): number => size.left + index * distance
  const width = x(parties.length - 1) + size.left
  const height = size.top + rows.length * size.step + 8
  const words = rows.map(
    ({ step, from, to }) =>
      `${parties[from]} to ${parties[to]}: ${requestWords(service, step)}; ${answerWords(service, step)}.`,
  )
  return html`${
      flow.steps.length > steps.length &&
      html`<p class="muted small">The last ${steps.length} of ${flow.steps.length} steps.</p>`
    }
    <div class="scroll" tabindex="0" role="region" aria-label="Sequence diagram">
      <svg
        viewBox="0 0 ${width} ${height}"
        width="${width}"
        height="${height}"
        class="${width <= mostFitted && 'fit'}"
        role="group"
        aria-label="Sequence"
      >
        <defs>
          ${(['plain', 'granted', 'bad'] as const).map(
            (kind) =>
              html`<marker
                id="end-${kind}"
                viewBox="0 0 10 10"
                refX="9"
                refY="5"
                markerWidth="8"
                markerHeight="8"
                markerUnits="userSpaceOnUse"
                orient="auto"
              >
                <g class="${kind}"><path class="tip" d="M0 0 10 5 0 10z" /></g>
              </marker> `,
          )}
        </defs>
        ${parties.map(
          (name, index) =>
            html`<path class="life" d="M${x(index)} 34V${height}" />
              <text class="party" x="${x(index)}" y="20" text-anchor="middle">
                <title>${name}</title>
                ${shortened(name.trim(), 22)}
              </text> `,
        )}
        ${rows.map(({ step, from, to }, index) =>
          drawStep(
            { flow, step, words: words[index] ?? '', isCurrent: step === current },
            [requestWords(service, step), answerWords(service, step)],
            [x(from), x(to), size.top + index * size.step],
            width,
          ),
        )}
      </svg>
    </div>`
}

function drawStep(
  {
    flow,
    step,
    words,
    isCurrent,
  }: { readonly flow: Flow; readonly step: Step; readonly words: string; readonly isCurrent: boolean },
  [asked, answered]: readonly [string, string],
  [from, to, y]: readonly [number, number, number],
  width: number,
): Html {
  const end = isRefused(step) ? 'bad' : 'granted'
  const [left, gap] = [Math.min(from, to), Math.abs(to - from)]
  const most = Math.max(14, Math.floor(gap / 6.9))
  const arrow = (kind: string, text: string, start: number, stop: number, at: number): Html =>
    html`<g class="${kind}">
      <path
        class="line"
        d="M${start} ${at}H${stop + (stop > start ? -2 : 2)}"
        marker-end="url(#end-${kind})"
      />
      <text aria-hidden="true" class="word" x="${left + gap / 2}" y="${at - 6}" text-anchor="middle">
        ${shortened(text, most)}
      </text>
    </g>`
  return html`<a
    class="step"
    href="/_/flows/${flow.id}?step=${step.id}"
    aria-label="${words}"
    ${isCurrent && html`aria-current="step"`}
  >
    <title>${words}</title>
    <rect class="strip" x="4" y="${y + 2}" width="${width - 8}" height="${size.step - 4}" rx="6" />
    ${arrow('plain', asked, from, to, y + 24)} ${arrow(end, answered, to, from, y + 50)}
  </a> `
}

/** Who called an API that does not say so: the client that got the token. */
function callerBefore(service: Service, { steps }: Flow, step: Step): string {
  const issuing = steps.slice(0, steps.indexOf(step)).findLast(({ kind }) => kind === 'request')
  return (issuing === undefined ? '' : partiesOf(service, issuing).client) || 'client'
}
