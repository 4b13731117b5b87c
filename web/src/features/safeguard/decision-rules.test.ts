import { describe, expect, it } from 'vitest'
import type { Approval } from '@/api/types'
import { sampleApproval, samplePerson } from '@/test/samples'
import {
  countdownText,
  glpiHref,
  mayCancel,
  matches,
  maxPostponeMinutes,
  noFilters,
  tierOf,
  timeShare,
  whyNot,
  whyTwo,
} from './decision-rules'

const at = (time: string) => Date.parse(`2026-01-06T${time}Z`)
const expiry = '2026-01-06T11:00:00.000Z'

describe('urgency', () => {
  it('is red up to 15 minutes, yellow up to 45, green above', () => {
    expect(tierOf(expiry, at('10:45:00.000'))).toBe('red')
    expect(tierOf(expiry, at('10:44:59.999'))).toBe('yellow')
    expect(tierOf(expiry, at('10:15:00.000'))).toBe('yellow')
    expect(tierOf(expiry, at('10:14:59.999'))).toBe('green')
    expect(tierOf(expiry, at('11:30:00.000'))).toBe('red')
  })

  it('counts down in readable steps and never below zero', () => {
    expect(countdownText(65 * 60_000)).toBe('1 h 05')
    expect(countdownText(44 * 60_000 + 7_000)).toBe('44:07')
    expect(countdownText(999)).toBe('00:01')
    expect(countdownText(-5_000)).toBe('00:00')
  })

  it('shrinks the bar from the request to the expiry', () => {
    const approval = sampleApproval()
    expect(timeShare(approval, at('10:00:00.000'))).toBe(1)
    expect(timeShare(approval, at('10:45:00.000'))).toBe(0.25)
    expect(timeShare(approval, at('12:00:00.000'))).toBe(0)
  })
})

describe('who may decide', () => {
  const person = samplePerson()

  it('lets an N2 decide on someone else’s L3 request', () => {
    expect(whyNot(sampleApproval(), person, false)).toBeNull()
  })

  it.each([
    ['level', {}, { accreditation_level: 'N1' as const }],
    ['level_l4', { security_level: 'L4' as const }, {}],
    ['own_request', { requested_by: 'user:marie.leroy' }, {}],
    ['own_request', { requested_by: '0198-marie' }, {}],
    ['owner', { requested_by: 'service:support' }, { service_accounts: ['other', 'support'] }],
    ['on_behalf', { on_behalf_of: 'Marie.Leroy' }, {}],
    [
      'already_voted',
      { decisions: [{ kind: 'approved', by: 'marie.leroy', by_id: 'user:0198-marie', at: '' }] },
      {},
    ],
    ['not_pending', { status: 'approved' as const }, {}],
  ])('refuses with the reason %s', (reason, approval, change) => {
    expect(whyNot(sampleApproval(approval), { ...person, ...change }, false)).toBe(reason)
  })

  it('lets an N2 reject an L4 request, and postpone his own', () => {
    const destructive = sampleApproval({ security_level: 'L4' })
    expect(whyNot(destructive, person, false, 'reject')).toBeNull()
    const own = sampleApproval({ requested_by: 'user:marie.leroy' })
    expect(whyNot(own, person, false, 'reject')).toBe('own_request')
    expect(whyNot(own, person, false, 'postpone')).toBeNull()
    const reader = samplePerson({ accreditation_level: 'N1' })
    expect(whyNot(own, reader, false, 'postpone')).toBe('level')
  })

  it('lets the requester, the owner of the bot and an N3 withdraw a request', () => {
    const bot = sampleApproval({ requested_by: 'service:support' })
    expect(mayCancel(bot, person, false)).toBe(false)
    expect(mayCancel(bot, samplePerson({ service_accounts: ['support'] }), false)).toBe(true)
    expect(mayCancel(bot, samplePerson({ accreditation_level: 'N3' }), false)).toBe(true)
    const own = sampleApproval({ requested_by: 'user:marie.leroy' })
    expect(mayCancel(own, person, false)).toBe(true)
    expect(mayCancel(own, person, true)).toBe(false)
    expect(mayCancel({ ...own, status: 'approved' }, person, false)).toBe(false)
  })

  it('refuses after the expiry, whatever the level', () => {
    const boss = samplePerson({ accreditation_level: 'N4' })
    expect(whyNot(sampleApproval(), boss, true)).toBe('expired')
  })

  it('does not take a service of the same name for the person', () => {
    expect(
      whyNot(sampleApproval({ requested_by: 'service:marie.leroy' }), person, false),
    ).toBeNull()
  })
})

describe('filters', () => {
  const now = at('10:00:00.000')
  const approval = sampleApproval()

  it('finds every word, without accents or case', () => {
    expect(matches(approval, { ...noFilters, q: 'ehpad DUPONT' }, now)).toBe(true)
    expect(matches(approval, { ...noFilters, q: 'éhpad reset' }, now)).toBe(true)
    expect(matches(approval, { ...noFilters, q: 'ehpad durand' }, now)).toBe(false)
  })

  it('hides what I postponed until it wakes', () => {
    const later = sampleApproval({ postponed_until: '2026-01-06T10:15:00.000Z' })
    expect(matches(later, noFilters, now)).toBe(false)
    expect(matches(later, { ...noFilters, showPostponed: true }, now)).toBe(true)
    expect(matches(later, noFilters, at('10:15:00.000'))).toBe(true)
  })

  it('filters by urgency as it is now', () => {
    expect(matches(approval, { ...noFilters, tier: 'red' }, now)).toBe(false)
    expect(matches(approval, { ...noFilters, tier: 'red' }, at('10:50:00.000'))).toBe(true)
  })
})

describe('limits', () => {
  it('postpones only to a wake-up before the expiry', () => {
    expect(maxPostponeMinutes(sampleApproval(), at('10:30:00.000'))).toBe(29)
    expect(maxPostponeMinutes(sampleApproval(), at('10:59:30.000'))).toBe(0)
  })

  it('links to GLPI only over http(s)', () => {
    const base = 'https://glpi.example.fr/'
    const built = 'https://glpi.example.fr/front/ticket.form.php?id=1234'
    expect(glpiHref(sampleApproval(), base)).toBe(built)
    expect(glpiHref(sampleApproval(), null)).toBeNull()
    const evil = sampleApproval({
      context: { client_critical: false, glpi_url: 'javascript:alert(1)' },
    })
    expect(glpiHref(evil, base)).toBeNull()
  })
})

describe('why two people must approve', () => {
  const two = (change: Partial<Approval>) =>
    whyTwo(sampleApproval({ required_approvals: 2, ...change }))

  it('says nothing when one suffices', () => {
    expect(whyTwo(sampleApproval())).toBeNull()
  })

  it('tells the level from the client, and a client without an id from a critical one', () => {
    const critical = { client_critical: true, client_name: 'EHPAD Les Jardins' }
    expect(two({ security_level: 'L4' })).toBe('l4')
    expect(two({ context: { ...critical, client_id: '42' } })).toBe('critical')
    expect(two({ context: critical })).toBe('unidentified')
  })
})
