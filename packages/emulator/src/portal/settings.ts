import type { Service } from '../instance/service.js'
import { html, type Html, nameText } from '../pages/html.js'
import { codeBlock } from './parts.js'
import { quoted } from './shell.js'

/** What an application and an API are configured with, to copy. */
export function settings(service: Service, certificate: string | undefined): Html {
  const { origin, directory } = service
  const [tenant] = directory.tenants.values()
  const authority = `${origin}/${tenant?.id ?? 'common'}`
  return html`<p class="lead">
      The emulator speaks
      ${origin.startsWith('https:') ? 'https with a self-signed certificate' : 'http on loopback'}. These
      lines are for ${tenant === undefined ? 'any tenant' : nameText(tenant.displayName)}.
    </p>
    <h2>As an environment file</h2>
    ${codeBlock(`TENANT_ID=${tenant?.id ?? ''}
AUTHORITY=${authority}
ISSUER_V1=${service.issuers.v1.replaceAll('{tenantid}', tenant?.id ?? '')}
ISSUER_V2=${service.issuers.v2.replaceAll('{tenantid}', tenant?.id ?? '')}
TOKEN_ENDPOINT=${authority}/oauth2/v2.0/token
JWKS_URI=${authority}/discovery/v2.0/keys`)}
    <h2>As a cloud for @countersign/core</h2>
    ${codeBlock(`const cloud = {
  authority: '${origin}',
  v1Issuer: '${service.issuers.v1}',
  v2Issuer: '${service.issuers.v2}',
  cloudInstanceName: '${service.cloudInstanceName}',
}`)}
    <h2>So that API calls join the live flow</h2>
    <p class="lead">
      In an API with a validator of this suite. The token of the control API is what the command prints at its
      start. An API in another language sends the same report by HTTP: POST /_/api/v1/api-calls.
    </p>
    ${codeBlock(`import { reportApiCalls } from '@countersign/emulator'

bearerAuth({ ...options, ...reportApiCalls({ address: '${origin}/_/api/v1', token, api: '${apiName(service)}' }) })`)}
    <h2>For MSAL Node</h2>
    ${codeBlock(`auth: {
  authority: 'https://${new URL(origin).host}/${tenant?.id ?? ''}',
  knownAuthorities: ['${new URL(origin).host}'],
  authorityMetadata: await (await fetch(
    '${authority}/v2.0/.well-known/openid-configuration')).text(),
}`)}
    <h2>As curl</h2>
    ${codeBlock(curlLine(service, authority))}
    ${
      certificate !== undefined &&
      html`<h2>The certificate to trust, as emulator.pem</h2>
        <p class="lead">
          Node trusts it as <code>NODE_EXTRA_CA_CERTS=emulator.pem</code>, curl as
          <code>--cacert emulator.pem</code>. <a href="/_/certificate.pem">Download it</a>. With a state file
          it stays the same, without one it is made anew at every start.
        </p>
        ${codeBlock(certificate)}`
    }`
}

function apiName({ directory }: Service): string {
  const api = [...directory.applications.values()].find(
    ({ scopes, roles }) => scopes.length + roles.length > 0,
  )
  return api?.appId ?? 'my-api'
}

/** A request of the first application that has a secret, for the first API. The page does not know the secret. */
function curlLine({ origin, directory }: Service, authority: string): string {
  const applications = [...directory.applications.values()]
  const client = applications.find(({ secrets }) => secrets.length > 0)
  const [identifier] = applications.flatMap(({ identifierUris }) => identifierUris)
  return [
    `curl ${quoted(`${authority}/oauth2/v2.0/token`)}`,
    ...(origin.startsWith('https:') ? ['  --cacert emulator.pem'] : []),
    '  -d grant_type=client_credentials',
    `  -d client_id=${client?.appId ?? '…'}`,
    `  --data-urlencode ${quoted(`scope=${identifier ?? '…'}/.default`)}`,
    `  --data-urlencode ${quoted('client_secret=…')}`,
  ].join(' \\\n')
}
