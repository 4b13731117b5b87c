// What a chart over time is made of, and how each of its steps is named.
import type { Period } from '@/api/supervision-types'
import type { Language } from '@/lib/i18n'
import { parisDateTime, parisShortDate, parisTime } from '@/lib/paris'

export type Pattern = 'solid' | 'hatch' | 'dots' | 'cross'

export interface Series {
  key: string
  label: string
  color: string
  /** Tells the series apart for those who do not see its colour. */
  pattern: Pattern
}

export interface Point {
  at: string
  values: Record<string, number>
}

/** On the axis: "14 h" or "3 nov.". */
export function axisLabel(at: string, step: Period['step'], language: Language): string {
  return step === 'hour' ? parisTime(at, language) : parisShortDate(at, language)
}

/** In full, for the table and the tip. */
export function pointLabel(at: string, step: Period['step'], language: Language): string {
  return step === 'hour' ? parisDateTime(at, language) : parisShortDate(at, language)
}

/** When the step of this point ends: with the next one, or with the period. */
export function stepEnd(points: readonly Point[], index: number, period: Period): string {
  return points[index + 1]?.at ?? period.to
}

/** What fits beside an axis: "52 k". */
export function shortNumber(value: number, language: Language): string {
  return value.toLocaleString(language, { notation: 'compact', maximumFractionDigits: 1 })
}

export const totalOf = (point: Point) =>
  Object.values(point.values).reduce((sum, each) => sum + each, 0)
