import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { fixedClock, type OptionalClaim, type Registration, startEmulator } from '@countersign/emulator'
import {
  contoso,
  fabrikam,
  ids,
  openPage,
  registration,
  sendForm,
  signInAndRedeem,
  start,
} from './support.js'

/*
 * https://learn.microsoft.com/entra/identity-platform/optional-claims-reference: each name listed there works, or the
 * parity document lists it as absent.
 */

const user = {
  id: ids.alice,
  userPrincipalName: 'alice@contoso.example',
  displayName: 'Alice Ash',
  givenName: 'Alice',
  surname: 'Ash',
  mail: 'alice@contoso.example',
  otherMails: ['ash@contoso.example', 'alice@mail.example'],
  country: 'DE',
  preferredLanguage: 'de-DE',
  preferredDataLocation: 'EUR',
  onPremisesSecurityIdentifier: 'S-1-5-21-1',
}

/** The value each claim has for the user above in an access token. */
const expected: Readonly<Record<string, unknown>> = {
  acct: 0,
  acrs: ['c1'],
  auth_time: start,
  aud: ids.v2,
  ctry: 'DE',
  email: 'alice@contoso.example',
  family_name: 'Ash',
  given_name: 'Alice',
  groups: ['managers'],
  idtyp: 'user',
  ipaddr: '127.0.0.1',
  login_hint: expect.stringMatching(/^O\.[\w-]+$/),
  onprem_sid: 'S-1-5-21-1',
  preferred_username: 'alice@contoso.example',
  sid: expect.stringMatching(/^[\w-]{36}$/),
  tenant_ctry: 'NL',
  tenant_region_scope: 'EU',
  upn: 'alice@contoso.example',
  verified_primary_email: ['alice@contoso.example'],
  verified_secondary_email: ['ash@contoso.example'],
  xms_cc: ['cp1'],
  xms_edov: true,
  xms_pdl: 'EUR',
  xms_pl: 'de-DE',
  xms_tpl: 'nl',
}

const absent = ['fwd', 'in_corp', 'pwd_exp', 'pwd_url', 'vnet', 'ztdid']

const properties: Readonly<Record<string, readonly string[]>> = {
  groups: ['cloud_displayname'],
  idtyp: ['include_user_token'],
  aud: ['use_guid'],
}

function withClaims(
  accessToken: readonly OptionalClaim[],
  idToken: readonly OptionalClaim[] = [],
  version: 1 | 2 = 2,
): Registration {
  return {
    tenants: [
      {
        ...contoso,
        users: [user, ...contoso.users.slice(1)],
        countryLetterCode: 'NL',
        preferredLanguage: 'nl',
        authenticationContexts: ['c1'],
      },
      fabrikam,
    ],
    applications: registration.applications.map((application) =>
      application.displayName === 'tier1'
        ? {
            ...application,
            groupMembershipClaims: 'SecurityGroup',
            optionalClaims: { accessToken, idToken },
            api: {
              requestedAccessTokenVersion: version,
              oauth2PermissionScopes: [{ value: 'Things.Read' }],
            },
          }
        : application.displayName === 'native'
          ? { ...application, groupMembershipClaims: 'SecurityGroup', optionalClaims: { idToken } }
          : application,
    ),
  }
}

const claim = (name: string, version: 1 | 2): OptionalClaim => ({
  name,
  // On v1.0 alone: a v2.0 token always has the GUID.
  ...(name === 'aud' && version === 2 ? {} : { additionalProperties: properties[name] ?? [] }),
})

const claims = JSON.stringify({
  access_token: { xms_cc: { values: ['cp1'] }, acrs: { essential: true, value: 'c1' } },
})

/** The access token of a user who met the authentication context c1, in an application that can handle cp1. */
async function issued(given: Registration): Promise<Record<string, unknown>> {
  await using emulator = await startEmulator({ registration: given, clock: fixedClock(start) })
  const query = { claims, code_challenge: '', code_challenge_method: '' }
  const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: 'http://localhost:51234',
    scope: 'openid profile api://tier1/Things.Read',
    ...query,
  })
  const proof = await sendForm(emulator, page, { user: user.userPrincipalName })
  const done = await sendForm(emulator, proof, { proof: 'approve' })
  const response = await fetch(`${emulator.origin}/${ids.contoso}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: ids.native,
      redirect_uri: 'http://localhost:51234',
      code: done.location?.searchParams.get('code') ?? '',
      claims,
    }),
  })
  const body = (await response.json()) as Record<string, unknown>
  return decodeJwt(String(body['access_token']))
}

describe.each([1, 2] as const)('an optional claim in a v%i.0 access token', (version) => {
  test.each(Object.keys(expected))('%s has its value when the API asks for it', async (name) => {
    const token = await issued(withClaims([claim(name, version)], [], version))
    const value = name === 'aud' ? ids.tier1 : expected[name]
    expect(token[name]).toEqual(value)
  })

  test('is not there when the API asks for none, unless the version always has it', async () => {
    const always = new Set(
      'aud groups sid preferred_username acrs family_name given_name ipaddr upn'.split(' '),
    )
    const token = await issued(withClaims([], [], version))
    for (const name of Object.keys(expected).filter((each) => !always.has(each))) {
      expect(token).not.toHaveProperty(name)
    }
  })

  test.each(absent)('%s, which the parity document lists as absent, has no value', async (name) => {
    expect(await issued(withClaims([claim(name, version)], [], version))).not.toHaveProperty(name)
    const text = await readFile(new URL('../../../docs/emulator-parity.md', import.meta.url), 'utf8')
    const row = text.split('\n').find((line) => line.includes(`\`${name}\``) && /\| absent +\|/.test(line))
    expect(row).toBeDefined()
  })
})

test('optional claims of an id token are those the client asks for', async () => {
  const names = Object.keys(expected).filter((name) => !['acrs', 'aud', 'idtyp', 'xms_cc'].includes(name))
  const asked = names.map((name) => claim(name, 2))
  await using emulator = await startEmulator({
    registration: withClaims([], asked),
    clock: fixedClock(start),
  })
  const { body } = await signInAndRedeem(emulator)
  const token = decodeJwt(String(body['id_token']))
  for (const name of names) expect([name, token[name]]).toEqual([name, expected[name]])
})

describe('groups', () => {
  const token = async (additionalProperties: readonly string[]): Promise<Record<string, unknown>> => {
    const given = withClaims([{ name: 'groups', additionalProperties }])
    await using emulator = await startEmulator({ registration: given })
    return decodeJwt(
      await emulator.issueToken({
        client: 'native',
        resource: 'tier1',
        user: ids.alice,
        roles: ['Things.Manager'],
      }),
    )
  }

  test('are ids by default, beside the roles of the application', async () => {
    expect(await token([])).toMatchObject({
      groups: [expect.stringMatching(/^[\w-]{36}$/)],
      roles: ['Things.Manager'],
    })
  })

  test('take the place of the roles with emit_as_roles, and are names with cloud_displayname', async () => {
    const asRoles = await token(['emit_as_roles'])
    expect(asRoles).not.toHaveProperty('groups')
    expect(asRoles['roles']).toEqual([expect.stringMatching(/^[\w-]{36}$/)])
    expect((await token(['emit_as_roles', 'cloud_displayname']))['roles']).toEqual(['managers'])
    expect((await token(['cloud_displayname']))['groups']).toEqual(['managers'])
  })
})

test('the name of a guest is in upn only with the property that asks for it', async () => {
  const guest = {
    userPrincipalName: 'dan_fabrikam.example#EXT#@contoso.example',
    userType: 'Guest' as const,
  }
  const upn = async (...additionalProperties: string[]): Promise<unknown> => {
    const given = withClaims([{ name: 'upn', additionalProperties }])
    await using emulator = await startEmulator({
      registration: {
        ...given,
        tenants: given.tenants.map((tenant, index) =>
          index === 0 ? { ...tenant, users: [...(tenant.users ?? []), guest] } : tenant,
        ),
      },
    })
    const options = {
      client: 'native',
      resource: 'tier1',
      user: guest.userPrincipalName,
      scopes: ['Things.Read'],
    }
    return decodeJwt(await emulator.issueToken(options))['upn']
  }
  expect(await upn()).toBeUndefined()
  expect(await upn('include_externally_authenticated_upn')).toBe(guest.userPrincipalName)
  expect(await upn('include_externally_authenticated_upn_without_hash')).toBe(
    'dan_fabrikam.example_EXT_@contoso.example',
  )
})

test('the claim login_hint names its user at the sign-in page, and no other', async () => {
  const given = withClaims([{ name: 'login_hint' }])
  await using emulator = await startEmulator({ registration: given })
  const hint = String(
    decodeJwt(await emulator.issueToken({ client: 'native', resource: 'tier1', user: ids.alice }))[
      'login_hint'
    ],
  )
  const page = await openPage(emulator, `/${ids.contoso}/oauth2/v2.0/authorize`, {
    client_id: ids.native,
    response_type: 'code',
    redirect_uri: 'http://localhost:51234',
    scope: 'openid',
    login_hint: hint,
  })
  const [first] = /name="user" value="([^"]*)"/.exec(page.html)?.slice(1) ?? []
  expect(first).toBe(user.userPrincipalName)
})
