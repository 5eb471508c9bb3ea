import type { ConsentLine } from '../pages/consent.js'
import type { ConsentItem } from '../directory/permissions.js'

/** What a consent page says about delegated scopes, in the words of the API's owner. */
export function consentLines(items: readonly ConsentItem[]): ConsentLine[] {
  return items.flatMap(({ resource, scopes }) =>
    resource.scopes
      .filter(({ value }) => scopes.includes(value))
      .map(({ title, description }) => ({ resource: resource.displayName, title, description })),
  )
}
