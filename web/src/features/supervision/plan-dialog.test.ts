import { expect, it } from 'vitest'
import { mistakes } from './plan-dialog'

const now = Date.parse('2026-03-28T12:00:00Z')
const draft = {
  client: '42',
  device: '',
  reason: 'Remplacement du commutateur',
  starts: '2026-03-29T01:30',
  ends: '2026-03-29T03:30',
}

it('a window has a client or a device, a reason, and ends after it begins', () => {
  expect(mistakes(draft, now)).toEqual({})
  expect(mistakes({ ...draft, client: '', device: 'SWITCH-CLI-001' }, now)).toEqual({})
  expect(mistakes({ ...draft, client: '', device: ' ' }, now)).toEqual({ device: 'sv.plan.one_of' })
  expect(mistakes({ ...draft, reason: ' ' }, now)).toEqual({ reason: 'common.required' })
  expect(mistakes({ ...draft, ends: draft.starts }, now)).toEqual({ ends: 'sv.plan.reversed' })
  expect(mistakes({ ...draft, ends: '' }, now)).toEqual({ ends: 'common.required' })
})

it('a window that is over mutes nothing', () => {
  const past = { ...draft, starts: '2026-03-27T01:30', ends: '2026-03-27T03:30' }
  expect(mistakes(past, now)).toEqual({ ends: 'sv.plan.past' })
})
