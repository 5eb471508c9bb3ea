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
    // On a small machine the default leaves one worker; most of these tests wait for sockets.
    maxWorkers: '100%',
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: resultFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultFile }]],
  },
})
