import { type TokenFlaw, tokenFlaws, tokenFlawTable } from '../controls/flaw-table.js'
import type { Controls } from '../controls/controls.js'
import { html, type Html } from '../pages/html.js'
import type { Parameters } from '../base/parameters.js'
import { inspection } from './inspector.js'
import { actionForm, options } from './layout.js'

/** A token for trying an API: a good one, or one with a named flaw. */
export async function mint(controls: Controls, form: Parameters | undefined): Promise<Html> {
  const service = controls.instance
  const applications = [...service.directory.applications.values()]
  const users = [...service.directory.tenants.values()].flatMap((tenant) => [...tenant.users.values()])
  const names = applications.map(({ appId, displayName }) => [appId, displayName] as const)
  const flaws = tokenFlaws.map((flaw) => [flaw, `${flaw}: ${tokenFlawTable[flaw].meaning}`] as const)
  return html`${actionForm(
    service,
    '/_/mint',
    html`<div class="grid">
        <label
          >Client
          <select name="client">
            ${options(names, form?.get('client'))}
          </select></label
        >
        <label
          >API
          <select name="resource">
            ${options(names, form?.get('resource'))}
          </select></label
        >
        <label
          >User
          <select name="user">
            ${options([['', '(the client as itself)'], ...users.map(({ id, userPrincipalName }) => [id, userPrincipalName] as const)], form?.get('user'))}
          </select></label
        >
        <label
          >Scopes, or nothing for the granted ones <input name="scopes" value="${form?.get('scopes')}"
        /></label>
        <label
          >Roles, or nothing for the assigned ones <input name="roles" value="${form?.get('roles')}"
        /></label>
        <label
          >Lifetime in seconds <input name="lifetime" inputmode="numeric" value="${form?.get('lifetime')}"
        /></label>
        <label
          >Claims to add, as JSON, or nothing
          <input name="claims" value="${form?.get('claims')}" spellcheck="false"
        /></label>
        <label
          >What is wrong with it
          <select name="flaw">
            ${options([['', 'nothing'], ...flaws], form?.get('flaw'))}
          </select></label
        >
      </div>
      <button>Mint</button>`,
  )}
  ${form !== undefined && (await minted(controls, form))}`
}

async function minted(controls: Controls, form: Parameters): Promise<Html> {
  const words = (name: string): string[] | undefined =>
    form
      .get(name)
      ?.split(/[ ,]+/)
      .filter((word) => word !== '')
  const [user, scopes, roles, flaw, lifetime] = [
    form.get('user'),
    words('scopes'),
    words('roles'),
    form.get('flaw'),
    form.get('lifetime'),
  ]
  let claims: Readonly<Record<string, unknown>> | undefined
  try {
    claims = readClaims(form.get('claims'))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return html`<p class="no">${error.message}</p>`
  }
  const asked = {
    client: form.require('client'),
    resource: form.require('resource'),
    ...(user === undefined ? {} : { user }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(roles === undefined ? {} : { roles }),
    ...(lifetime === undefined || !/^-?\d{1,8}$/.test(lifetime) ? {} : { lifetimeSeconds: Number(lifetime) }),
    ...(claims === undefined ? {} : { claims }),
    ...(flaw === undefined ? {} : { flaw: flaw as TokenFlaw }),
  }
  let token: string
  try {
    token = await controls.issueToken(asked)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return html`<p class="no">${error.message}</p>`
  }
  const short = token.length > 20_000 ? `${token.slice(0, 200)}… (${token.length} characters)` : token
  const entry = flaw === undefined ? undefined : tokenFlawTable[flaw as TokenFlaw]
  return html`<h2>The token</h2>
    ${
      entry !== undefined &&
      html`<p>
        ${entry.meaning} To be refused by ${entry.appliesTo}, with
        ${entry.refusals.map(({ status, error }) => `${status} ${error ?? ''}`.trim()).join(' or ')}.
      </p>`
    }
    <textarea readonly rows="6" cols="80" aria-label="The token">${short}</textarea>
    <details>
      <summary>As test code</summary>
      <pre>await emulator.issueToken(${JSON.stringify(asked, undefined, 2)})</pre>
    </details>
    ${token.length <= 20_000 && (await inspection(controls, token))}`
}

function readClaims(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined
  let claims: unknown
  try {
    claims = JSON.parse(text)
  } catch {
    // Refused below.
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new TypeError('"claims" must be a JSON object')
  }
  return { ...claims }
}
