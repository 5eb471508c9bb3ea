import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const binaries = new URL('../../node_modules/.bin/', import.meta.url)

/** What TypeScript says of a project, given its folder; nothing if all is well. */
export function compileProject(folder: URL): Promise<string> {
  return new Promise((resolve) => {
    execFile(fileURLToPath(new URL('tsc', binaries)), ['-p', fileURLToPath(folder)], (_error, said, failed) =>
      resolve(said + failed),
    )
  })
}
