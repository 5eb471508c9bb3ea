import type { Target } from '../base/target.js'

/**
 * What this client can do (`xms_cc`), put into the `claims` that are asked for, beside a challenge if there is one.
 * Source: "Claims challenges, claims requests, and client capabilities".
 */
export function withCapabilities(target: Target, capabilities: readonly string[]): Target {
  if (capabilities.length === 0) return target
  // checkTarget has looked at it: the JSON text of an object.
  const challenge = JSON.parse(target.claims ?? '{}') as Record<string, unknown>
  const accessToken = challenge['access_token']
  const claims = {
    ...challenge,
    access_token: {
      ...(typeof accessToken === 'object' ? accessToken : {}),
      xms_cc: { values: capabilities },
    },
  }
  return { ...target, claims: JSON.stringify(claims) }
}
