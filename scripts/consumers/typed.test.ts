import * as core from '@countersign/core'
import * as emulator from '@countersign/emulator'
import * as express from '@countersign/express'
import * as fastify from '@countersign/fastify'
import * as koa from '@countersign/koa'
import * as client from '@countersign/token-client'
import { expect, test } from '@jest/globals'

const playScenario = require('./scenario.cjs') as (load: (name: string) => unknown) => Promise<void>
const packages: Record<string, unknown> = {
  '@countersign/core': core,
  '@countersign/emulator': emulator,
  '@countersign/express': express,
  '@countersign/fastify': fastify,
  '@countersign/koa': koa,
  '@countersign/token-client': client,
}

test('the packages serve in TypeScript', () => playScenario((name) => packages[name]), 60_000)

test('ts-jest reads their types', () => {
  // @ts-expect-error The types are known.
  expect(() => core.entra({ tenantId: 1 })).toThrow(TypeError)
})
