export { clock, now } from './clock.js'
export { createDpopKey, dpopProof, type DpopKey, type ProofChange } from './dpop.js'
export { rawHeadersRequest, requestView } from './request-view.js'
export * from './identities.js'
export { entraKeyNames, genericKeyNames, signingKey, type KeyName, type SigningKey } from './keys.js'
export {
  padJson,
  signToken,
  tokenWith,
  validTokens,
  withSpareBit,
  type RawToken,
  type TokenChange,
  type TokenPlan,
  type ValidTokenName,
} from './tokens.js'
export { keySet, startIssuer, type Issuer, type IssuerFault } from './issuer.js'
export {
  setupOptions,
  type IssuerMakers,
  type Permission,
  type RowIssuerOptions,
  type RowOptions,
  type SetupName,
  type SetupOptions,
  type Situation,
} from './setups.js'
export { authorizationValues, refusedRequests, type RefusedRequest } from './refused-requests.js'
export { acceptedRequests, type AcceptedRequest } from './accepted-requests.js'
export { describeMutualTlsServers, type StartApi, type TlsOptions } from './mutual-tls-servers.js'
export { describeAdapterContract } from './adapter-contract.js'
export {
  describeBothBuilds,
  pairsOfBuilds,
  signedByStaticKey,
  staticKey,
  type BothBuilds,
} from './both-builds.js'
export type {
  Adapter,
  AdapterHarness,
  ContractApi,
  ContractOptions,
  ContractRoute,
  RunningApi,
} from './contract/harness.js'
export {
  openRequest,
  sendBytes,
  sendRequest,
  type Answer,
  type OpenRequest,
  type OutgoingRequest,
} from './send-request.js'
export { codeUnder, readDocument, runCode, tokenForToday } from './documents.js'
export { describeTestAuth } from './test-auth.js'
export { describeMigration, type Migration } from './migration.js'
export { compileProject } from './compile.js'
export { issuerTokens, type IssuerTokens } from './issuer-tokens.js'
