import type { Control } from '../emulator/control.js'
import type { ProbeCase, RightRefusal } from './case.js'
import type { Mint } from './tokens.js'

/** What the API accepts on purpose. */
export interface AcceptedByDesign {
  readonly versions: readonly string[]
  readonly anyTenant: boolean
  readonly withoutPermissions: boolean
}

interface Flaw {
  readonly name: string
  readonly meaning: string
  readonly appliesTo: string
  readonly refusals: readonly RightRefusal[]
  readonly needsUser: boolean
  readonly isToBeRefused: boolean
}

/** One case for each flaw that the emulator knows: the table is the emulator's, so a newer one has more. */
export async function badTokens(
  control: Control,
  mint: Mint,
  accepted: AcceptedByDesign,
): Promise<ProbeCase[]> {
  const query = new URLSearchParams({
    versions: accepted.versions.join(','),
    acceptsAnyTenant: String(accepted.anyTenant),
  })
  const { flaws } = (await control.get(`/flaws?${query.toString()}`)) as { flaws: readonly Flaw[] }
  return flaws.map(({ name, meaning, appliesTo, refusals, needsUser, isToBeRefused }) => {
    const isMeant = name === 'noScope' ? !accepted.withoutPermissions : isToBeRefused
    return {
      name,
      group: 'token',
      meaning,
      refusals,
      ...(isMeant ? {} : { skipped: `only for ${appliesTo}` }),
      async prepare() {
        return { authorization: [`Bearer ${await mint.token({ flaw: name, needsUser })}`] }
      },
    }
  })
}
