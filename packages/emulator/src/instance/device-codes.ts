import { randomBytes, randomInt } from 'node:crypto'
import type { Session } from '../directory/sessions.js'
import type { Version } from '../directory/types.js'

/** A sign-in that was started on one device and is finished on another. */
export interface DeviceSignIn {
  readonly deviceCode: string
  readonly userCode: string
  readonly version: Version
  readonly segment: string
  readonly clientId: string
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly claims: string | undefined
  readonly expiresAt: number
  outcome:
    | { readonly kind: 'pending' }
    | { readonly kind: 'declined' }
    | {
        readonly kind: 'signedIn'
        readonly tenantId: string
        readonly userId: string
        readonly session: Session
      }
}

export interface DeviceCodes {
  start(
    request: Pick<
      DeviceSignIn,
      'version' | 'segment' | 'clientId' | 'scope' | 'resource' | 'claims' | 'expiresAt'
    >,
  ): DeviceSignIn
  byUserCode(userCode: string): DeviceSignIn | undefined
  byDeviceCode(deviceCode: string): DeviceSignIn | undefined
  /** Removes it. True the first time, then false. */
  end(signIn: DeviceSignIn): boolean
}

/** The oldest are removed first. */
const most = 1000
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'

export function createDeviceCodes(): DeviceCodes {
  const byDeviceCode = new Map<string, DeviceSignIn>()
  const byUserCode = new Map<string, DeviceSignIn>()
  const end = ({ deviceCode, userCode }: DeviceSignIn): boolean => {
    byUserCode.delete(userCode)
    return byDeviceCode.delete(deviceCode)
  }
  return {
    start(request) {
      const userCode = Array.from({ length: 9 }, () => letters[randomInt(letters.length)]).join('')
      const signIn: DeviceSignIn = {
        ...request,
        userCode,
        deviceCode: randomBytes(64).toString('base64url'),
        outcome: { kind: 'pending' },
      }
      byDeviceCode.set(signIn.deviceCode, signIn)
      byUserCode.set(userCode, signIn)
      const [oldest] = byDeviceCode.values()
      if (byDeviceCode.size > most && oldest !== undefined) end(oldest)
      return signIn
    },
    byUserCode: (userCode) => byUserCode.get(userCode.trim().toUpperCase()),
    byDeviceCode: (deviceCode) => byDeviceCode.get(deviceCode),
    end,
  }
}
