import type { FastifyInstance } from 'fastify'
import type { EmulatorKeys } from '../emulator-keys.js'
import type { Service } from '../service.js'
import type { EmulatorUsers } from '../users.js'

/** What the page works with. */
export interface Portal {
  readonly service: Service
  readonly users: EmulatorUsers
  readonly keys: EmulatorKeys
  /** Back to the registration, without consents, faults and recorded requests. */
  readonly reset: () => void
}

export function addPortal(app: FastifyInstance, { service }: Portal): void {
  app.get('/_/revocations', () => ({ revocations: service.revocations.visible(service.clock.now()) }))
}
