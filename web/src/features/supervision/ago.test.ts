import { expect, test } from 'vitest'
import { translate, type Translate } from '@/lib/i18n'
import { lengthText } from './ago'

const t: Translate = (key, vars) => translate('fr', key, vars)

test.each([
  [20, '1 min'],
  [45 * 60, '45 min'],
  [60 * 60, '1 h'],
  [89 * 60, '1 h 29'],
  [125 * 60, '2 h 05'],
  [9.6 * 3600, '10 h'],
  [3 * 86_400, '3 j'],
])('%d s is said as %s', (seconds, said) => {
  // It never breaks at the end of a line.
  expect(lengthText(seconds, t)).toBe(said.replaceAll(' ', '\u00A0'))
})
