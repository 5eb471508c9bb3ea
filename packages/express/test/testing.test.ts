import { describeTestAuth } from '@countersign/test-fixtures'
import express from 'express'
import { createTestAuth } from '../src/testing.js'
import { harnessOf } from './harness.js'

describeTestAuth(createTestAuth, harnessOf(express))
