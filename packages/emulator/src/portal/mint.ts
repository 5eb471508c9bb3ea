import type { Parameters } from '../base/parameters.js'
import type { Controls } from '../controls/controls.js'
import { type TokenFlaw, tokenFlaws, tokenFlawTable } from '../controls/flaw-table.js'
import type { IssueTokenOptions } from '../controls/issue-token.js'
import type { Service } from '../instance/service.js'
import { tokenExchangeAppId } from '../directory/token-exchange.js'
import { html, type Html } from '../pages/html.js'
import { callGraph, isApi } from './call-graph.js'
import { explanation } from './inspector.js'
import { actionForm } from './layout.js'
import { chooser, codeBlock, copyButton, options, table, verdict } from './parts.js'
import { quoted } from './shell.js'

/** A token for trying an API: a good one, or one with a named flaw. `asked` prefills the form. */
export async function mint(
  controls: Controls,
  asked: Parameters,
  form: Parameters | undefined,
): Promise<Html> {
  const service = controls.instance
  const applications = [...service.directory.applications.values()]
  const users = [...service.directory.tenants.values()].flatMap((tenant) => [...tenant.users.values()])
  const flaws = tokenFlaws.map((flaw) => [flaw, `${flaw}: ${tokenFlawTable[flaw].meaning}`] as const)
  const first = firstChoice(service, asked)
  const given = (name: keyof typeof first): string | undefined =>
    form === undefined ? (asked.get(name) ?? first[name]) : form.get(name)
  const flaw = form?.get('row_flaw') ?? form?.get('flaw') ?? asked.get('flaw')
  const named = ({
    appId,
    displayName,
  }: {
    appId: string
    displayName: string
  }): readonly [string, string] => [appId, displayName]
  return html`${form !== undefined && (await minted(controls, form, flaw))}
  ${actionForm(
    service,
    '/_/mint',
    html`<div class="grid">
        ${chooser('Client', 'client', applications.map(named), given('client'))}
        ${chooser(
          'API',
          'resource',
          applications.filter((each) => isApi(each) && each.appId !== tokenExchangeAppId).map(named),
          given('resource'),
        )}
        ${chooser(
          'User',
          'user',
          users.map(({ id, userPrincipalName }) => [id, userPrincipalName] as const),
          given('user'),
          '(the client as itself)',
        )}
        <label
          >What is wrong with it
          <select name="flaw">
            ${options([['', 'nothing'], ...flaws], flaw)}
          </select></label
        >
      </div>
      <details
        ${(form?.get('scopes') ?? form?.get('roles') ?? form?.get('lifetime') ?? form?.get('claims')) !== undefined && html`open`}
      >
        <summary>Scopes, roles, lifetime, claims</summary>
        <div class="grid">
          ${field('Scopes', 'or nothing for the granted ones', 'scopes', form)}
          ${field('Roles', 'or nothing for the assigned ones', 'roles', form)}
          ${field('Lifetime', 'in seconds', 'lifetime', form)}
          ${field('Claims to add', 'as JSON, or nothing', 'claims', form)}
        </div>
      </details>
      <button class="${form === undefined && 'primary'}">Mint</button>
      <details>
        <summary>The ${tokenFlaws.length} flaws, and what each is to be refused with</summary>
        ${flawList()}
      </details>`,
    'card stack',
  )}`
}

function field(label: string, hint: string, name: string, form: Parameters | undefined): Html {
  return html`<label
    >${label} <small>${hint}</small>
    <input name="${name}" value="${form?.get(name)}" autocomplete="off" spellcheck="false"
  /></label>`
}

/** A user, a client and an API that belong together: the first pair with a granted permission. */
function firstChoice(
  { directory }: Service,
  asked: Parameters,
): Partial<Record<'client' | 'resource' | 'user', string>> {
  const isAsked = (name: string, appId: string): boolean => (asked.get(name) ?? appId) === appId
  const { calls } = callGraph(directory)
  const fitting = calls.filter(
    ({ client, api }) => isAsked('client', client.appId) && isAsked('resource', api.appId) && isApi(api),
  )
  const granted = (kind: 'delegated' | 'application'): (typeof calls)[number] | undefined =>
    fitting.find(({ permissions }) =>
      permissions.some((each) => each.kind === kind && each.grantedBy !== undefined),
    )
  const delegated = granted('delegated')
  const chosen = delegated ?? granted('application') ?? fitting[0]
  if (chosen === undefined) {
    const all = [...directory.applications.values()]
    const api = all.find(isApi)
    return {
      ...(api === undefined ? {} : { resource: api.appId }),
      ...(all[0] === undefined ? {} : { client: all[0].appId }),
    }
  }
  const { client, api, tenant } = chosen
  const grant = tenant.grants.find(
    ({ clientAppId, resourceAppId }) => clientAppId === client.appId && resourceAppId === api.appId,
  )
  const users = [...tenant.users.values()].filter(({ isEnabled }) => isEnabled)
  const user = users.find(({ id }) => id === grant?.userId) ?? users[0]
  return {
    client: client.appId,
    resource: api.appId,
    ...(delegated === undefined || user === undefined ? {} : { user: user.id }),
  }
}

function flawList(): Html {
  return table({
    headings: ['Flaw', 'What is wrong', 'To be refused by', 'With', ''],
    rows: tokenFlaws.map((flaw) => {
      const { meaning, appliesTo } = tokenFlawTable[flaw]
      return [
        html`<code>${flaw}</code>`,
        meaning,
        appliesTo,
        refusalsOf(flaw),
        html`<button class="tiny" name="row_flaw" value="${flaw}" aria-label="Mint with the flaw ${flaw}">
          Mint
        </button>`,
      ]
    }),
    empty: '',
  })
}

function refusalsOf(flaw: TokenFlaw): string {
  return tokenFlawTable[flaw].refusals
    .map(({ status, error }) => `${status} ${error ?? ''}`.trim())
    .join(' or ')
}

async function minted(controls: Controls, form: Parameters, flaw: string | undefined): Promise<Html> {
  let asked: IssueTokenOptions
  let token: string
  try {
    asked = readForm(form, flaw)
    token = await controls.issueToken(asked)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return verdict('bad', error.message)
  }
  const isShown = token.length <= 20_000
  const { instance } = controls
  const entry = flaw === undefined ? undefined : tokenFlawTable[flaw as TokenFlaw]
  const found = isShown ? await controls.explainToken(token) : undefined
  const judge = found?.verdicts.find(
    ({ api }) => api.appId === asked.resource || api.displayName === asked.resource,
  )
  const explained = found && explanation(instance, found, judge)
  return html`${explained?.top}
    ${
      entry !== undefined &&
      html`<p class="verdict warn">
        <span
          >${entry.meaning} To be refused by ${entry.appliesTo}, with ${refusalsOf(flaw as TokenFlaw)}.</span
        >
      </p>`
    }
    <section class="card" aria-labelledby="minted">
      <div class="row">
        <h2 id="minted">Token</h2>
        ${copyButton(token, 'Copy the token', 'Copy the token')}
        ${copyButton(`Authorization: Bearer ${token}`, 'Copy as a header', 'Copy as a header')}
      </div>
      <textarea readonly rows="4" aria-label="The token">
${isShown ? token : `${token.slice(0, 200)}… (${token.length} characters)`}</textarea>
      <details>
        <summary>As curl</summary>
        ${codeBlock(
          `TOKEN=${quoted(isShown ? token : '…')}
curl -i -H "Authorization: Bearer $TOKEN" http://localhost:3000/`,
          'Copy as curl',
        )}
      </details>
      <details>
        <summary>As test code</summary>
        ${codeBlock(`await emulator.issueToken(${JSON.stringify(asked, undefined, 2)})`, 'Copy as test code')}
      </details>
      <details>
        <summary>From another language</summary>
        ${codeBlock(
          `curl -H "Authorization: Bearer $COUNTERSIGN_EMULATOR_TOKEN" \\
  --json ${quoted(JSON.stringify(asked))} \\
  ${quoted(`${instance.origin}/_/api/v1/tokens`)}`,
          'Copy the call of the control API',
        )}
      </details>
    </section>
    ${explained?.rest}
    <h2>Another one</h2>`
}

/** Throws a TypeError for claims that are not a JSON object. */
function readForm(form: Parameters, flaw: string | undefined): IssueTokenOptions {
  const words = (name: string): string[] | undefined =>
    form
      .get(name)
      ?.split(/[ ,]+/)
      .filter((word) => word !== '')
  const [user, lifetime] = [form.get('user'), form.get('lifetime')]
  const [scopes, roles, claims] = [words('scopes'), words('roles'), readClaims(form.get('claims'))]
  return {
    client: form.require('client'),
    resource: form.require('resource'),
    ...(user === undefined ? {} : { user }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(roles === undefined ? {} : { roles }),
    ...(lifetime === undefined || !/^-?\d{1,8}$/.test(lifetime) ? {} : { lifetimeSeconds: Number(lifetime) }),
    ...(claims === undefined ? {} : { claims }),
    ...(flaw === undefined ? {} : { flaw: flaw as TokenFlaw }),
  }
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
