import type { FastifyInstance } from 'fastify'
import { EntraError } from '../base/errors.js'
import { readParameters } from '../base/parameters.js'
import { consumersTenantId } from '../directory/directory.js'
import { tenantOfDomain } from '../directory/lookup.js'
import { addPublicDocument } from '../http/public-document.js'
import type { Service } from '../instance/service.js'

/**
 * What clients ask the login host first: whether the host belongs to the cloud, and which tenant a user name belongs
 * to.
 */
export function addInstanceEndpoints(app: FastifyInstance, service: Service): void {
  addPublicDocument(app, '/common/discovery/instance', 'instanceDiscovery', (request) => {
    const asked = readParameters(request.query).require('authorization_endpoint')
    const own = new URL(service.origin)
    const port = own.port === '' ? '' : `:${own.port}`
    const names = ['127.0.0.1', '[::1]', ...service.hostNames].map((name) => `${name}${port}`)
    const aliases = [...new Set([own.host, ...names])]
    if (!URL.canParse(asked) || !aliases.includes(new URL(asked).host)) throw new EntraError(50049)
    const tenant = new URL(asked).pathname.split('/')[1] ?? 'common'
    return {
      tenant_discovery_endpoint: `${service.origin}/${tenant}/v2.0/.well-known/openid-configuration`,
      'api-version': '1.1',
      metadata: [{ preferred_network: own.host, preferred_cache: own.host, aliases }],
    }
  })

  app.get<{ Params: { user: string } }>(
    '/common/userrealm/:user',
    { config: { endpoint: 'userRealm' } },
    (request) => {
      const login = request.params.user
      const domain = login.split('@')[1]?.toLowerCase() ?? ''
      const tenant = tenantOfDomain(service.directory.tenants, domain)
      if (tenant === undefined || tenant.id === consumersTenantId) {
        return { ver: '1.0', account_type: 'Unknown', cloud_instance_name: service.cloudInstanceName }
      }
      return {
        ver: '1.0',
        account_type: 'Managed',
        domain_name: domain,
        cloud_instance_name: service.cloudInstanceName,
        cloud_audience_urn: 'urn:federation:MicrosoftOnline',
      }
    },
  )
}
