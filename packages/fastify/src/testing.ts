export { createTestAuth } from '@countersign/core/testing'
export type { TestAuth, TestHeaders, TestIdentity } from '@countersign/core/testing'
