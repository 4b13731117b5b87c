// Which alerts a maintenance window covers: those of its device if it names one, else its client's.
import type { AlertFilters } from '@/api/supervision'
import type { Alert, Maintenance } from '@/api/supervision-types'

export function activeUnder({ device, client }: Maintenance): AlertFilters {
  return device ? { status: 'active', device } : { status: 'active', client_id: client?.id }
}

/** When it ended or will: as planned, or when someone cancelled it. */
function endOf({ ends_at: planned, cancelled_at: cancelled }: Maintenance): number {
  return Date.parse(cancelled ?? planned)
}

/** Those that began before its end: what came later is another story. */
export function stillWrong(maintenance: Maintenance, active: Alert[]): Alert[] {
  const end = endOf(maintenance)
  return active.filter(({ raised_at: at }) => Date.parse(at) < end)
}

const LOOKED_AT_MS = 24 * 3_600_000

/** Runs, or ended a day ago at most, also by being cancelled while it ran: older ones are history. */
export function isOfInterest(maintenance: Maintenance, now: number): boolean {
  const { status, starts_at: start, cancelled_at: cancelled } = maintenance
  const hasEnded =
    status === 'ended' ||
    (status === 'cancelled' && !!cancelled && Date.parse(cancelled) > Date.parse(start))
  return status === 'running' || (hasEnded && now - endOf(maintenance) < LOOKED_AT_MS)
}
