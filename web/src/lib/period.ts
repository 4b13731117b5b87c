// The time a dashboard or list is about, as the address bar carries it.
import { parisDayEnd, parisDayStart } from './paris'

export const RANGES = ['today', '24h', '7d', '30d'] as const
export type NamedRange = (typeof RANGES)[number]

/** `from` and `to` are days of Paris ("2026-03-29", both included) or instants (`to` excluded). */
export interface PeriodSearch {
  range?: NamedRange
  from?: string
  to?: string
}

export interface PeriodQuery {
  range?: NamedRange
  from?: string
  to?: string
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** The server answers for no longer. */
export const MOST_DAYS = 400

export const isDay = (value: string | undefined): value is string =>
  value !== undefined && DAY.test(value)

function moment(value: unknown): string | undefined {
  if (typeof value !== 'string' || !(DAY.test(value) || INSTANT.test(value))) return undefined
  return Number.isNaN(Date.parse(value)) ? undefined : value
}

const startOf = (value: string) => (isDay(value) ? parisDayStart(value) : value)
const endOf = (value: string) => (isDay(value) ? parisDayEnd(value) : value)

function isAskable(from: string, to: string): boolean {
  const length = Date.parse(endOf(to)) - Date.parse(startOf(from))
  return length > 0 && length <= MOST_DAYS * 86_400_000
}

/** Read with distrust: half a range, a reversed or an endless one is none. */
export function periodSearch(raw: Record<string, unknown>): PeriodSearch {
  const from = moment(raw.from)
  const to = moment(raw.to)
  if (from && to && isAskable(from, to)) return { from, to }
  const range = RANGES.find((each) => each === raw.range)
  return range ? { range } : {}
}

/** What the server is asked. */
export function periodQuery(
  { range, from, to }: PeriodSearch,
  otherwise?: NamedRange,
): PeriodQuery {
  if (from && to) return { from: startOf(from), to: endOf(to) }
  const named = range ?? otherwise
  return named ? { range: named } : {}
}

/** Whether what happens now belongs to it. */
export function isOpenEnded({ from, to }: PeriodSearch, now: number): boolean {
  return !(from && to) || Date.parse(endOf(to)) > now
}
