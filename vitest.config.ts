import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vitest/config'

const resultFile = process.env['COUNTERSIGN_TEST_RESULTS']
const builtTests = 'packages/*/test/**/*.built.test.ts'

/** Emulators of tests get keys that are ready: to make one takes longer than most tests. */
const readyKeys: Plugin = {
  name: 'ready-rsa-keys',
  enforce: 'pre',
  resolveId(source, importer) {
    const isGeneration =
      source.endsWith('/rsa-key.js') && /emulator\/src\/(start|keys\/signing-keys)\.ts/.test(importer ?? '')
    return isGeneration
      ? fileURLToPath(new URL('packages/emulator/test/ready-rsa-keys.ts', import.meta.url))
      : undefined
  },
}

export default defineConfig({
  test: {
    // On a small machine the default leaves one worker; many of these tests wait for sockets and clocks.
    maxWorkers: Math.max(3, availableParallelism()),
    globalSetup: ['test-fixtures/src/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    reporters: resultFile === undefined ? ['default'] : ['default', ['json', { outputFile: resultFile }]],
    projects: [
      {
        extends: true,
        plugins: [readyKeys],
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
