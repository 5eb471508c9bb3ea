import { createTwoFilesPatch, OMIT_HEADERS } from 'diff'
import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'
import { RegistrationError } from '../registration/read.js'
import type { Registration } from '../registration/types.js'
import { actionForm } from './layout.js'
import { codeBlock, verdict } from './parts.js'

export interface RegistrationPage {
  readonly status: number
  readonly body: Html
}

/** The registration as JSON without its secrets, in a form to change it. */
export function registrationPage({ instance, registration }: Controls): Html {
  return editor(instance, printed(registration.read()))
}

/** Checks a registration, or checks and applies it. One that cannot be used changes nothing, and the page shows the place. */
export function changeRegistration({ instance, registration }: Controls, form: Parameters): RegistrationPage {
  const text = form.require('registration')
  const isApplied = form.require('do') === 'apply'
  const before = printed(registration.read())
  try {
    // Checked by what it calls.
    const sent = parsed(text) as Registration
    const next = isApplied ? registration.replace(sent) : registration.check(sent)
    const diff = difference(before, printed(next))
    const said = isApplied
      ? 'Applied: it is in force until the emulator stops or reads its file again. The file is not changed.'
      : 'It can be used. Nothing has changed yet.'
    const body = html`${verdict('good', said)}
    ${
      diff === ''
        ? html`<p>It is the same as before.</p>`
        : html`<h2>What is different</h2>
            ${codeBlock(diff ?? 'Nearly everything.', 'Copy the difference')}`
    }
    ${editor(instance, isApplied ? printed(next) : text)}`
    return { status: 200, body }
  } catch (error) {
    if (!(error instanceof RegistrationError)) throw error
    return {
      status: 400,
      body: html`<p class="verdict no" role="alert">${error.message}</p>
        ${editor(instance, text)}`,
    }
  }
}

function editor(service: Service, text: string): Html {
  return html`<p class="lead">
      Secrets are shown as <code>[hidden]</code>, which stands for the one there is; write out a new one. What
      is applied stays in memory: take the difference over into your file.
    </p>
    ${actionForm(
      service,
      '/_/registration',
      html`<label
          >Registration, as JSON
          <textarea name="registration" rows="30" autocomplete="off" spellcheck="false">${text}</textarea>
        </label>
        <p class="row">
          <button name="do" value="check">Check</button>
          <button class="primary" name="do" value="apply">Apply</button>
        </p>`,
      'card stack',
    )}`
}

/** A longer difference takes seconds to compute and is too long to read. */
const mostChanges = 5000

/** The difference in the form of `diff -u` without file names: empty if there is none, undefined if it is too large. */
function difference(before: string, after: string): string | undefined {
  if (before === after) return ''
  const [old, fresh] = [before, after].map((text) => `${text}\n`) as [string, string]
  return createTwoFilesPatch('', '', old, fresh, undefined, undefined, {
    context: 3,
    headerOptions: OMIT_HEADERS,
    maxEditLength: mostChanges,
  })
}

function printed(registration: Registration): string {
  return JSON.stringify(registration, undefined, 2)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser quotes the text, which may hold secrets; its position is enough.
    const [, position] = /at position (\d+)/.exec(error instanceof Error ? error.message : '') ?? []
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length
    throw new RegistrationError('', `is not JSON${line === undefined ? '' : `: see line ${line}`}`)
  }
}
