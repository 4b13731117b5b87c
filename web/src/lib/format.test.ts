import { describe, expect, it } from 'vitest'
import { formatDateTimeSeconds, formatDuration, formatLatency } from './format'

describe('durations', () => {
  it.each([
    [0, '0 s'],
    [0.2, '< 1 s'],
    [59, '59 s'],
    [512, '8 min 32 s'],
    [3_900, '1 h 05 min'],
  ])('shows %s s as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
  })
})

it('puts the day before the time', () => {
  expect(formatDateTimeSeconds('2026-01-06T12:00:09Z', 'fr')).toMatch(
    /^6 janv\. 2026, \d\d:\d\d:09$/,
  )
})

describe('how long an answer took', () => {
  it.each([
    [0, '< 1 ms'],
    [163, '163 ms'],
  ])('shows %s ms as %s', (milliseconds, text) => {
    expect(formatLatency(milliseconds, 'fr').replace('\u00A0', ' ')).toBe(text)
  })
})
