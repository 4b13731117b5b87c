import { describe, expect, it } from 'vitest'
import { isOpenEnded, periodQuery, periodSearch } from './period'

describe('periodSearch', () => {
  it('takes a named range, and nothing it does not know', () => {
    expect(periodSearch({ range: '7d' })).toEqual({ range: '7d' })
    expect(periodSearch({ range: '3y' })).toEqual({})
  })

  it('takes days or instants, and lets them win over a name', () => {
    const days = { from: '2026-03-01', to: '2026-03-29' }
    expect(periodSearch({ ...days, range: '7d' })).toEqual(days)
    const instants = { from: '2026-03-01T10:00:00Z', to: '2026-03-01T11:00:00+01:00' }
    expect(periodSearch({ from: instants.from })).toEqual({})
    expect(periodSearch({ from: instants.from, to: '2026-03-01T12:30:00+01:00' })).toEqual({
      from: instants.from,
      to: '2026-03-01T12:30:00+01:00',
    })
  })

  it('refuses a reversed, an empty and an endless one', () => {
    expect(periodSearch({ from: '2026-03-02', to: '2026-03-01' })).toEqual({})
    expect(periodSearch({ from: '2020-01-01', to: '2026-03-01' })).toEqual({})
    expect(periodSearch({ from: 'hier', to: 'demain' })).toEqual({})
    expect(periodSearch({ from: '2026-99-99', to: '2026-99-99' })).toEqual({})
  })

  it('allows one day', () => {
    const day = { from: '2026-03-29', to: '2026-03-29' }
    expect(periodSearch(day)).toEqual(day)
  })
})

describe('periodQuery', () => {
  it('bounds days in Paris, the last one included', () => {
    expect(periodQuery({ from: '2026-03-29', to: '2026-03-29' })).toEqual({
      from: '2026-03-28T23:00:00.000Z',
      to: '2026-03-29T22:00:00.000Z',
    })
  })

  it('falls back to the page’s own range', () => {
    expect(periodQuery({}, 'today')).toEqual({ range: 'today' })
    expect(periodQuery({ range: '30d' }, 'today')).toEqual({ range: '30d' })
    expect(periodQuery({})).toEqual({})
  })
})

it('what happens now belongs to a range that has not ended', () => {
  const now = Date.parse('2026-03-29T12:00:00Z')
  expect(isOpenEnded({ range: '7d' }, now)).toBe(true)
  expect(isOpenEnded({ from: '2026-03-01', to: '2026-03-29' }, now)).toBe(true)
  expect(isOpenEnded({ from: '2026-03-01', to: '2026-03-28' }, now)).toBe(false)
})
