import type { Parameters } from '../base/parameters.js'
import type { RequestFacts } from '../instance/request-log.js'

/** A request to the token endpoint. */
export interface TokenRequest {
  readonly version: '1.0' | '2.0'
  /** The tenant segment as it was written. */
  readonly segment: string
  readonly form: Parameters
  readonly authorization: string | undefined
  /** The `Origin` header: the page that sends the request, if a browser does. */
  readonly origin: string | undefined
  /** What the grant learns about the request, for the log. */
  readonly facts: RequestFacts
}
