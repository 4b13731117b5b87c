// What an approver sees of time and of his own rights. The server decides; this explains beforehand.
import type { Approval } from '@/api/types'
import { atLeast, isPerson, ownsService, type Person } from '@/lib/levels'
import { tierOf, type Tier } from '@/lib/urgency'

export { countdownText, tierOf, type Tier } from '@/lib/urgency'

const MINUTE = 60_000

/** 1 when just asked, 0 at the expiry. */
export function timeShare(approval: Approval, nowMs: number): number {
  const start = Date.parse(approval.requested_at)
  const end = Date.parse(approval.expires_at)
  if (end <= start) return 0
  return Math.min(1, Math.max(0, (end - nowMs) / (end - start)))
}

export type WhyNot =
  | 'not_pending'
  | 'expired'
  | 'level'
  | 'level_l4'
  | 'own_request'
  | 'owner'
  | 'on_behalf'
  | 'already_voted'

export type Act = 'approve' | 'reject' | 'postpone'

/** Why this person may not do this to this request, or null when he may. */
export function whyNot(
  approval: Approval,
  person: Person,
  expired: boolean,
  act: Act = 'approve',
): WhyNot | null {
  if (approval.status !== 'pending') return 'not_pending'
  if (expired) return 'expired'
  if (!atLeast(person, 'N2')) return 'level'
  // Postponing hides the card for oneself: it decides nothing.
  if (act === 'postpone') return null
  if (isPerson(person, approval.requested_by)) return 'own_request'
  if (ownsService(person, approval.requested_by)) return 'owner'
  if (isPerson(person, approval.on_behalf_of)) return 'on_behalf'
  if (approval.decisions.some((each) => isPerson(person, each.by_id))) return 'already_voted'
  if (act === 'approve' && approval.security_level === 'L4' && !atLeast(person, 'N3'))
    return 'level_l4'
  return null
}

export type WhyTwo = 'l4' | 'unidentified' | 'critical'

/** Why two people must approve, or null when one suffices. */
export function whyTwo(approval: Approval): WhyTwo | null {
  if (approval.required_approvals < 2) return null
  if (approval.security_level === 'L4') return 'l4'
  return approval.context.client_id ? 'critical' : 'unidentified'
}

export function isOwnRequest(approval: Approval, person: Person): boolean {
  return isPerson(person, approval.requested_by) || ownsService(person, approval.requested_by)
}

/** The requester may withdraw what he asked; administrators anything. */
export function mayCancel(approval: Approval, person: Person, expired: boolean): boolean {
  if (approval.status !== 'pending' || expired) return false
  return atLeast(person, 'N3') || (atLeast(person, 'N1') && isOwnRequest(approval, person))
}

export function approvalsSoFar(approval: Approval): number {
  return approval.decisions.filter((each) => each.kind === 'approved').length
}

export function isPostponed(approval: Approval, nowMs: number): boolean {
  return Boolean(approval.postponed_until && Date.parse(approval.postponed_until) > nowMs)
}

export interface PendingFilters {
  q: string
  tool: string
  client: string
  tier: Tier | ''
  showPostponed: boolean
}

export const noFilters: PendingFilters = {
  q: '',
  tool: '',
  client: '',
  tier: '',
  showPostponed: false,
}

function fold(text: string) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

export function matches(approval: Approval, filters: PendingFilters, nowMs: number): boolean {
  if (!filters.showPostponed && isPostponed(approval, nowMs)) return false
  if (filters.tool && approval.tool_name !== filters.tool) return false
  if (filters.client && approval.context.client_name !== filters.client) return false
  if (filters.tier && tierOf(approval.expires_at, nowMs) !== filters.tier) return false
  if (!filters.q) return true
  const haystack = fold(
    [
      approval.reference,
      approval.tool_name,
      approval.context.ticket_title,
      approval.context.ticket_id,
      approval.context.client_name,
      approval.context.workflow,
      approval.requested_by,
      approval.on_behalf_of,
      JSON.stringify(approval.arguments),
    ].join(' '),
  )
  return fold(filters.q)
    .split(/\s+/)
    .every((word) => haystack.includes(word))
}

/** The longest postponement, in minutes, that still wakes before the expiry. */
export function maxPostponeMinutes(approval: Approval, nowMs: number): number {
  return Math.max(0, Math.ceil((Date.parse(approval.expires_at) - nowMs) / MINUTE) - 1)
}

export function glpiHref(approval: Approval, base: string | null | undefined): string | null {
  const { ticket_id: ticket, glpi_url: own } = approval.context
  const href =
    own ??
    (base && ticket ? `${base.replace(/\/+$/, '')}/front/ticket.form.php?id=${ticket}` : null)
  return href && /^https?:\/\//i.test(href) ? href : null
}
