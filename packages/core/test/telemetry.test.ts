import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { createTokenValidator, staticIssuer } from '@countersign/core'
import {
  clock,
  genericAudience,
  genericIssuer,
  genericSubject,
  keySet,
  now,
  readDocument,
  tokenWith,
} from '@countersign/test-fixtures'
import { expect, it } from 'vitest'
import { observeTokens } from './recipes/telemetry.js'

it('prints the code that is run here', async () => {
  const [text, code] = await Promise.all([
    readDocument('docs/observability.md'),
    readDocument('packages/core/test/recipes/telemetry.ts'),
  ])
  expect(text).toContain(code)
})

it('counts verdicts and notes them on the span, without anything of a person', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
  const spans = new InMemorySpanExporter()
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

  const stop = observeTokens()
  const validator = createTokenValidator({
    issuer: staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
    audience: genericAudience,
    eventDetails: true,
    clock,
  })
  const validate = (token: string): Promise<unknown> =>
    trace.getTracer('test').startActiveSpan('request', async (span) => {
      await validator.tryValidateToken(token)
      span.end()
    })
  await validate(tokenWith({ from: 'rfc9068' }))
  await validate(tokenWith({ from: 'rfc9068', claims: { exp: now - 1000 } }))
  stop()
  await validate(tokenWith({ from: 'rfc9068' }))
  await reader.forceFlush()

  const points = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    .filter(({ descriptor }) => descriptor.name === 'auth.verdicts')
    .flatMap(({ dataPoints }) => dataPoints.map(({ attributes, value }) => ({ ...attributes, value })))
  expect(points).toEqual([
    {
      verdict: 'accepted',
      kind: 'delegated',
      issuer: `staticIssuer(${genericIssuer})`,
      from_cache: false,
      value: 1,
    },
    { verdict: 'refused', code: 'token_expired', status: 401, value: 1 },
  ])
  const attributes = spans.getFinishedSpans().map((span) => span.attributes)
  expect(attributes).toEqual([
    { 'auth.kind': 'delegated', 'auth.client_id': expect.any(String) as string },
    { 'auth.code': 'token_expired' },
    {},
  ])
  expect(JSON.stringify([points, attributes])).not.toContain(genericSubject)
})
