import { describe, expect, it } from 'vitest'
import type { Count } from '@/api/supervision-types'
import { translate, type Translate } from '@/lib/i18n'
import { changeAmount, changeSentence, changeText, directionOf } from './change'

const t: Translate = (key, vars) => translate('fr', key, vars)
const count = (value: number, previous: number): Count => ({
  value,
  previous,
  change_percent: previous === 0 ? null : ((value - previous) / previous) * 100,
})

describe('the change against the period before', () => {
  it('goes up, down, stays, or has nothing to be compared with', () => {
    expect(directionOf(count(112, 100))).toBe('up')
    expect(directionOf(count(95, 100))).toBe('down')
    expect(directionOf(count(3, 3))).toBe('same')
    expect(directionOf(count(0, 0))).toBe('same')
    expect(directionOf(count(5, 0))).toBe('unknown')
  })

  it('is rounded, but never to nothing', () => {
    expect(changeAmount(count(112, 100), 'fr')).toBe('12\u00A0%')
    expect(changeAmount(count(95, 100), 'en')).toBe('5%')
    expect(changeAmount(count(1_001, 1_000), 'fr')).toBe('< 1\u00A0%')
  })

  it('is a sentence without the arrow, and names what it is compared with', () => {
    expect(changeSentence(count(112, 100), '24h', t, 'fr')).toBe(
      'En hausse de 12\u00A0% par rapport aux 24 h précédentes',
    )
    expect(changeSentence(count(95, 100), 'today', t, 'fr')).toBe(
      'En baisse de 5\u00A0% par rapport à hier à la même heure',
    )
    expect(changeText(count(112, 100), '7d', t, 'fr')).toBe('12\u00A0% vs 7 j d’avant')
    expect(changeText(count(5, 0), '24h', t, 'fr')).toContain('rien')
  })
})
