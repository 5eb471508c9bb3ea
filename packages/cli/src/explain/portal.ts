/** A step in the portal with the place where it begins. */
export function portalPath(step: string): string {
  return `entra.microsoft.com > ${step}`
}
