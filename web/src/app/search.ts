// What the URL may carry, read with distrust.
import type { ApprovalStatus } from '@/api/types'

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
