/** The code of an error of the system, such as `ENOENT`; by its shape, because under Jest it is of another realm. */
export function systemCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown'
}
