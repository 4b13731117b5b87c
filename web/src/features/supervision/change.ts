// How a number compares with the period before: said without judging, more is not better.
import type { Count, Range } from '@/api/supervision-types'
import type { Language, MessageKey, Translate } from '@/lib/i18n'

const than: Record<Range, MessageKey> = {
  today: 'sv.than.today',
  '24h': 'sv.than.24h',
  '7d': 'sv.than.7d',
  '30d': 'sv.than.30d',
  custom: 'sv.than.custom',
}

export type Direction = 'up' | 'down' | 'same' | 'unknown'

const before: Record<Range, MessageKey> = {
  today: 'sv.before.today',
  '24h': 'sv.before.24h',
  '7d': 'sv.before.7d',
  '30d': 'sv.before.30d',
  custom: 'sv.before.custom',
}

export function directionOf({ value, previous }: Count): Direction {
  if (previous === 0) return value === 0 ? 'same' : 'unknown'
  if (value === previous) return 'same'
  return value > previous ? 'up' : 'down'
}

/** "12 %"; a tiny change is never shown as none. */
export function changeAmount({ change_percent }: Count, language: Language): string {
  const percent = Math.abs(change_percent ?? 0)
  const shown = percent > 0 && percent < 1 ? '< 1' : Math.round(percent).toLocaleString(language)
  return language === 'fr' ? `${shown}\u00A0%` : `${shown}%`
}

/** The whole sentence, for those who do not see the arrow. */
export function changeSentence(
  count: Count,
  range: Range,
  t: Translate,
  language: Language,
): string {
  const than = t(before[range])
  const direction = directionOf(count)
  if (direction === 'same') return t('sv.change.same', { than })
  if (direction === 'unknown') return t('sv.change.unknown')
  return t(`sv.change.${direction}`, { amount: changeAmount(count, language), than })
}

/** What stands beside the arrow: short, a card is narrow on a phone. */
export function changeText(count: Count, range: Range, t: Translate, language: Language): string {
  const direction = directionOf(count)
  if (direction === 'same') return t('sv.change.same_short', { than: t(than[range]) })
  if (direction === 'unknown') return t('sv.change.unknown')
  return t('sv.change.short', { amount: changeAmount(count, language), than: t(than[range]) })
}
