export {
  adfs,
  auth0,
  azureB2c,
  cognito,
  gitHubActions,
  keycloak,
  kubernetes,
  okta,
} from '@countersign/core/issuers'
export type {
  AdfsOptions,
  Auth0Options,
  AzureB2cOptions,
  CognitoOptions,
  GitHubActionsOptions,
  KeycloakOptions,
  KubernetesOptions,
  OktaOptions,
  ReadyMadeSettings,
} from '@countersign/core/issuers'
