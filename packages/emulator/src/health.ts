import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** Whether an emulator on this machine answers: the health check of a container. Resolves to what is wrong, if anything. */
export function healthProblem({
  port,
  isHttps,
}: {
  readonly port: number
  readonly isHttps: boolean
}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = (isHttps ? httpsRequest : httpRequest)(
      {
        host: '127.0.0.1',
        port,
        path: '/_/health',
        headers: { host: 'localhost' },
        timeout: 2000,
        // It asks itself; the certificate may be for other names.
        rejectUnauthorized: false,
      },
      (response) => {
        response.resume()
        resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`)
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', (error) => resolve(error.message))
    request.end()
  })
}
