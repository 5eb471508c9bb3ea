import type { CodeExplanation } from './explanation.js'

export type { CodeExplanation }

/** Explanations of the codes of Microsoft Entra ID, by their number: the part after `AADSTS`. */
export const aadstsExplanations: Readonly<Record<string, CodeExplanation>> = Object.freeze({
  '65001': {
    cause: 'Nobody consented to the permission that the client requests.',
    whoCanFix: 'administrator',
    fix: 'Grant consent to the permission, or let the user sign in again and consent.',
    portal: 'App registrations > the client > API permissions > Grant admin consent',
    emulator: 'Request a scope that the registration file does not grant.',
  },
})
