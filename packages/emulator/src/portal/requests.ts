import { advice } from '../base/advice.js'
import { aadsts } from '../base/errors.js'
import { isKnownCode } from '../instance/faults.js'
import { html, type Html } from '../pages/html.js'
import type { RecordedRequest } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { table } from './layout.js'
import { encodedPart, quoted } from './shell.js'

const shown = 200

/** The latest requests, newest first, with their outcome. */
export function requestList(service: Service): Html {
  const entries = [...service.log.entries].toReversed().slice(0, shown)
  return html`<p>Secrets, tokens, codes and assertions are not kept. <a href="/_/requests">Look again</a></p>
    ${table(
      ['', 'Time', 'Endpoint', 'Client', 'Grant', 'Outcome'],
      entries.map(
        (entry) =>
          html`<tr>
            <td><a href="/_/requests/${entry.id}">${entry.id}</a></td>
            <td>${new Date(entry.time * 1000).toISOString().slice(11, 19)}</td>
            <td>${entry.method} ${entry.endpoint ?? entry.path}</td>
            <td>${nameOf(service, entry.clientId)}</td>
            <td>${grantOf(entry)}</td>
            <td class="${entry.outcome === 'answered' ? 'ok' : 'no'}">
              ${entry.status}${entry.errorCode !== undefined && html` AADSTS${entry.errorCode}`}
              ${entry.fault !== undefined && html`fault: ${entry.fault}`}
            </td>
          </tr> `,
      ),
      'Nothing yet. Ask for a token, for example with the curl line of the overview.',
    )}`
}

export function requestDetail(service: Service, entry: RecordedRequest): Html {
  const { errorCode } = entry
  return html`<p>
      ${entry.method} <code>${entry.path}</code> · ${entry.status} · correlation id
      <code>${entry.correlationId}</code>
    </p>
    ${
      errorCode !== undefined &&
      isKnownCode(errorCode) &&
      html`<h2 class="no">Refused: AADSTS${errorCode} ${aadsts[errorCode].error}</h2>
        <p>${entry.error}</p>
        <p><strong>What to do:</strong> ${advice[errorCode]}</p>
        ${
          service.directory.applications.has(entry.clientId ?? '') &&
          html`<p><a href="/_/apps/${entry.clientId}">The registration of the client</a></p>`
        }
        <p>
          <a href="https://login.microsoftonline.com/error?code=${errorCode}" rel="noreferrer"
            >What Microsoft says of it</a
          >
        </p>`
    }
    ${
      entry.fault !== undefined &&
      html`<p class="warn">
        It met a fault that was added on purpose: ${entry.fault}. <a href="/_/faults">Faults</a>
      </p>`
    }
    <h2>Sent</h2>
    ${table(
      ['Parameter', 'Value'],
      Object.entries(entry.parameters).map(
        ([name, value]) =>
          html`<tr>
            <td><code>${name}</code></td>
            <td><code>${value}</code></td>
          </tr> `,
      ),
      'No parameters.',
    )}
    <h2>As curl</h2>
    <pre>${curlOf(service, entry)}</pre>`
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

function grantOf({ parameters }: RecordedRequest): string {
  return (parameters['grant_type'] ?? parameters['response_type'] ?? '').replace(/^.*:/, '')
}

function nameOf({ directory }: Service, clientId: string | undefined): string {
  return clientId === undefined ? '' : (directory.applications.get(clientId)?.displayName ?? clientId)
}
