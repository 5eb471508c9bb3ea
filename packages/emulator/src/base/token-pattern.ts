/** A token, code or refresh token of this service, or a part of one. */
export const tokenPattern: RegExp = /eyJ[\w.-]*|1\.[\w-]{40,}/g
