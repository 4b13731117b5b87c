// What the URL may carry, read with distrust.
import type { RejectedFilters } from '@/api/intake'
import type { AlertFilters, ErrorFilters, TicketFilters } from '@/api/supervision'
import type { ApprovalStatus } from '@/api/types'
import { periodSearch } from '@/lib/period'

type Raw = Record<string, unknown>

const text = (value: unknown) =>
  typeof value === 'number' ? String(value) : typeof value === 'string' && value ? value : undefined

const day = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined

export interface SignInSearch {
  next?: string
  ended?: true
}

export function signInSearch(raw: Raw): SignInSearch {
  return { next: text(raw.next), ended: raw.ended === true ? true : undefined }
}

const statuses: readonly string[] = [
  'approved',
  'executing',
  'executed',
  'execution_failed',
  'lapsed',
  'rejected',
  'expired',
  'cancelled',
] satisfies ApprovalStatus[]

export interface HistorySearch {
  from?: string
  to?: string
  status?: ApprovalStatus
  tool?: string
  client?: string
  q?: string
}

export function historySearch(raw: Raw): HistorySearch {
  return {
    from: day(raw.from),
    to: day(raw.to),
    status: statuses.includes(String(raw.status)) ? (raw.status as ApprovalStatus) : undefined,
    tool: text(raw.tool),
    client: text(raw.client),
    q: text(raw.q),
  }
}

export interface StatisticsSearch {
  days?: number
  from?: string
  to?: string
}

export function statisticsSearch(raw: Raw): StatisticsSearch {
  const days = Number(raw.days)
  return {
    days: [1, 7, 30, 90].includes(days) ? days : undefined,
    from: day(raw.from),
    to: day(raw.to),
  }
}

export interface AuditSearch {
  actor?: string
  action?: string
  target_type?: string
  target_id?: string
  from?: string
  to?: string
  q?: string
}

export function auditSearch(raw: Raw): AuditSearch {
  return {
    actor: text(raw.actor),
    action: text(raw.action),
    target_type: text(raw.target_type),
    target_id: text(raw.target_id),
    from: day(raw.from),
    to: day(raw.to),
    q: text(raw.q),
  }
}

const flag = (value: unknown) => (typeof value === 'boolean' ? value : undefined)

function oneOf<T extends string>(choices: readonly T[], value: unknown): T | undefined {
  return choices.find((each) => each === value)
}

export { periodSearch } from '@/lib/period'

export function ticketsSearch(raw: Raw): TicketFilters {
  return {
    ...periodSearch(raw),
    category: oneOf(['RESET_MDP', 'DEBLOCAGE', 'DIAG', 'AUTRE'] as const, raw.category),
    outcome: oneOf(['resolved', 'in_progress', 'escalated', 'failed'] as const, raw.outcome),
    automatic: flag(raw.automatic),
    client_id: text(raw.client_id),
    known_client: flag(raw.known_client),
    q: text(raw.q),
  }
}

export function alertsSearch(raw: Raw): AlertFilters {
  const sides = ['fai', 'local', 'widip', 'indetermine'] as const
  return {
    ...periodSearch(raw),
    status: oneOf(['active', 'resolved'] as const, raw.status),
    responsibility: oneOf(sides, raw.responsibility),
    severity: oneOf(['critical', 'warning', 'info'] as const, raw.severity),
    client_id: text(raw.client_id),
    known_client: flag(raw.known_client),
    device: text(raw.device),
    flapping: flag(raw.flapping),
    awaiting_diag: flag(raw.awaiting_diag),
    acknowledged: flag(raw.acknowledged),
    q: text(raw.q),
  }
}

export function errorsSearch(raw: Raw): ErrorFilters {
  return { ...periodSearch(raw), workflow: text(raw.workflow), recovered: flag(raw.recovered) }
}

export function rejectedSearch(raw: Raw): RejectedFilters {
  return { service: text(raw.service), code: text(raw.code) }
}

export interface AlertSearch {
  episode?: number
}

export function alertSearch(raw: Raw): AlertSearch {
  const episode = Number(raw.episode)
  return { episode: Number.isInteger(episode) && episode > 0 ? episode : undefined }
}

export interface WallSearch {
  every?: number
  theme?: 'light'
}

/** Seconds per dashboard: what reads well, and no flicker. */
export function wallSearch(raw: Raw): WallSearch {
  const every = Number(raw.every)
  return {
    every: every >= 5 && every <= 600 ? every : undefined,
    theme: raw.theme === 'light' ? 'light' : undefined,
  }
}
