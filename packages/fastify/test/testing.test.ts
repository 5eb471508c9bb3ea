import { describeTestAuth } from '@countersign/test-fixtures'
import Fastify from 'fastify'
import { createTestAuth } from '../src/testing.js'
import { harnessOf } from './harness.js'

describeTestAuth(createTestAuth, harnessOf(Fastify))
