import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { metrics, trace } from '@opentelemetry/api'
import type { AcceptedEvent, KeysRefreshFailedEvent, RefusedEvent } from '@countersign/core'

/** Counts verdicts, and notes them on the span of the request. Nothing of a token or a person is in it. */
export function observeTokens(): () => void {
  const meter = metrics.getMeter('countersign')
  const verdicts = meter.createCounter('auth.verdicts', { description: 'Accepted and refused requests' })
  const durations = meter.createHistogram('auth.duration', { unit: 's' })
  const keyFaults = meter.createCounter('auth.keys.failures', {
    description: 'Failed fetches of signing keys',
  })

  const accepted = (message: unknown): void => {
    const { kind, issuer, fromCache, details } = message as AcceptedEvent
    verdicts.add(1, { verdict: 'accepted', kind, issuer, from_cache: fromCache })
    if (details !== undefined) durations.record(details.durationSeconds, { verdict: 'accepted' })
    trace.getActiveSpan()?.setAttributes({ 'auth.kind': kind, 'auth.client_id': details?.clientId ?? '' })
  }
  const refused = (message: unknown): void => {
    const { code, status, reason } = message as RefusedEvent
    verdicts.add(1, { verdict: 'refused', code, status })
    trace
      .getActiveSpan()
      ?.setAttributes({ 'auth.code': code, ...(reason === undefined ? {} : { 'auth.reason': reason }) })
  }
  const keysFailed = (message: unknown): void => {
    const { issuer, fault } = message as KeysRefreshFailedEvent
    keyFaults.add(1, { issuer, fault })
  }

  const channels = {
    'countersign:accepted': accepted,
    'countersign:refused': refused,
    'countersign:keys-refresh-failed': keysFailed,
  }
  for (const [name, listener] of Object.entries(channels)) subscribe(name, listener)
  return () => {
    for (const [name, listener] of Object.entries(channels)) unsubscribe(name, listener)
  }
}
