import { defineConfig } from 'vitest/config'

const resultFile = process.env['COUNTERSIGN_TEST_RESULTS']
const builtTests = 'packages/*/test/**/*.built.test.ts'

export default defineConfig({
  test: {
    // On a small machine the default leaves one worker; most of these tests wait for sockets.
    maxWorkers: '100%',
    globalSetup: ['test-fixtures/src/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: resultFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultFile }]],
    projects: [
      {
        extends: true,
        ssr: {
          resolve: { conditions: ['countersign-source', 'module', 'node', 'development|production'] },
        },
        test: {
          name: 'sources',
          include: [
            'packages/*/test/**/*.test.ts',
            'test-fixtures/test/**/*.test.ts',
            'examples/*/test/**/*.test.ts',
          ],
          exclude: [builtTests, '**/node_modules/**'],
        },
      },
      // Packages as their users load them, from `dist`.
      {
        extends: true,
        test: {
          name: 'built',
          include: [builtTests],
          server: { deps: { external: [/\/packages\/.*\/dist\//] } },
        },
      },
    ],
  },
})
