// The period that a page shows, from the address bar and its own default.
import { periodQuery, type NamedRange, type PeriodSearch } from '@/lib/period'

export function periodOf(search: PeriodSearch, otherwise: NamedRange) {
  const query = periodQuery(search, otherwise)
  // What links hand on: the list behind a number is of the same time.
  const { from, to } = search
  const link: PeriodSearch = from && to ? { from, to } : { range: search.range ?? otherwise }
  return { query, link, scope: JSON.stringify(query) }
}
