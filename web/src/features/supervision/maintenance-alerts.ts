// Which alerts a maintenance window covers: those of its device if it names one, else its client's.
import type { AlertFilters } from '@/api/supervision'
import type { Alert, Maintenance } from '@/api/supervision-types'

export function activeUnder({ device, client }: Maintenance): AlertFilters {
  return device ? { status: 'active', device } : { status: 'active', client_id: client?.id }
}

/** Those that began before its end: what came later is another story. */
export function stillWrong(maintenance: Maintenance, active: Alert[]): Alert[] {
  const end = Date.parse(maintenance.ends_at)
  return active.filter(({ raised_at: at }) => Date.parse(at) < end)
}

const LOOKED_AT_MS = 24 * 3_600_000

/** Runs, or ended a day ago at most: older ones are history. */
export function isOfInterest({ status, ends_at: end }: Maintenance, now: number): boolean {
  return status === 'running' || (status === 'ended' && now - Date.parse(end) < LOOKED_AT_MS)
}
