import { defineConfig } from 'vitest/config'

const resultFile = process.env['COUNTERSIGN_TEST_RESULTS']

export default defineConfig({
  ssr: {
    resolve: { conditions: ['countersign-source', 'module', 'node', 'development|production'] },
  },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'test-fixtures/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
    ],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: resultFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultFile }]],
  },
})
