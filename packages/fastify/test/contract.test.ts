import { describeAdapterContract } from '@countersign/test-fixtures'
import Fastify from 'fastify'
import FastifyFloor from 'fastify-floor'
import { harnessOf } from './harness.js'

describeAdapterContract([
  ['Fastify 5', harnessOf(Fastify)],
  ['Fastify 5.0.0', harnessOf(FastifyFloor)],
])
