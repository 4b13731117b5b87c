// Frames of the SUPERVISION feed brought into what a dashboard shows, at once and in order. Only lists
// are touched: numbers are the server's, and are asked again.
import type { LiveFrame } from './live-feed'
import type {
  Activity,
  ActivityKind,
  Alert,
  Component,
  Enrichisseur,
  Maintenance,
  Overview,
  Run,
  Sentinel,
  Support,
  Ticket,
  WorkflowError,
} from './supervision-types'

/** What the server sends of each list. */
export const SHOWN = { activity: 30, tickets: 10, errors: 20, alerts: 20, runs: 20 }

export interface Dashboards {
  overview: Overview
  support: Support
  sentinel: Sentinel
  enrichisseur: Enrichisseur
}

/** The item on top in place of what it replaces; the list keeps its length. */
export function onTop<T>(items: T[], item: T, same: (other: T) => boolean, most: number): T[] {
  return [item, ...items.filter((each) => !same(each))].slice(0, most)
}

function inPlace<T>(items: T[], item: T, same: (other: T) => boolean): T[] {
  return items.some(same) ? items.map((each) => (same(each) ? item : each)) : items
}

const is = (frame: LiveFrame, type: string) => frame.type === `workflow:${type}`

export const ticketOf = (frame: LiveFrame) =>
  is(frame, 'ticket_processed') ? (frame.data as Ticket) : null
export const alertOf = (frame: LiveFrame) =>
  is(frame, 'alert_detected') || is(frame, 'alert_updated') ? (frame.data as Alert) : null
export const errorOf = (frame: LiveFrame) =>
  is(frame, 'error') ? (frame.data as WorkflowError) : null
export const componentOf = (frame: LiveFrame) =>
  is(frame, 'health_change') ? (frame.data as Component) : null
export const runOf = (frame: LiveFrame) =>
  is(frame, 'enrichment_finished') ? (frame.data as Run) : null
export const maintenanceOf = (frame: LiveFrame) =>
  is(frame, 'maintenance_changed') ? (frame.data as Maintenance) : null

type Line = Omit<Activity, 'position' | 'at'> & { at?: string | null }

function line(frame: LiveFrame): Line | null {
  const none = { status: null, category: null, client: null }
  const ticket = ticketOf(frame)
  if (ticket) {
    const { outcome: status, category, client, occurred_at: at } = ticket
    const label = `#${ticket.ticket_id}`
    const target = { target_type: 'support.ticket', target_id: ticket.aggregate_id }
    return { kind: 'ticket_processed', ...target, label, status, category, client, at }
  }
  const alert = alertOf(frame)
  if (alert) return alertLine(frame, alert)
  const error = errorOf(frame)
  if (error) {
    const target = { target_type: 'workflow.error', target_id: error.id }
    return {
      ...none,
      kind: 'workflow_error',
      ...target,
      label: error.workflow,
      at: error.occurred_at,
    }
  }
  const component = componentOf(frame)
  if (component) {
    const target = { target_type: 'workflow.component', target_id: component.component }
    const { component: label, status, since: at } = component
    return { ...none, kind: 'health_changed', ...target, label, status, at }
  }
  const run = runOf(frame)
  if (!run) return null
  const target = { target_type: 'knowledge.enrichment', target_id: run.aggregate_id }
  return { ...none, kind: 'enrichment_finished', ...target, label: run.run_id, at: run.finished_at }
}

/** Of an alert's changes only those that the activity names. */
function alertLine(frame: LiveFrame, alert: Alert): Line | null {
  const detected = is(frame, 'alert_detected')
  const over = alert.status === 'resolved' && alert.position === frame.position
  if (!detected && !over) return null
  const again = detected && alert.reopenings > 0
  const kind: ActivityKind = over ? 'alert_resolved' : again ? 'alert_reopened' : 'alert_raised'
  const { id: target_id, device: label, status, client, last_occurred_at } = alert
  const at = over ? alert.resolved_at : again ? last_occurred_at : alert.raised_at
  return {
    kind,
    target_type: 'sentinel.alert',
    target_id,
    label,
    status,
    category: null,
    client,
    at,
  }
}

/** The line of the activity that the frame stands for, if it stands for one. */
export function activityOf(frame: LiveFrame): Activity | null {
  const found = line(frame)
  const at = found?.at ?? frame.at
  return found && at ? { ...found, at, position: frame.position } : null
}

export function applyToOverview(shown: Overview, frame: LiveFrame): Overview {
  const activity = activityOf(frame)
  const component = componentOf(frame)
  let next = shown
  if (activity && !shown.activity.some((each) => each.position === frame.position)) {
    const items = [activity, ...shown.activity].sort((a, b) => b.position - a.position)
    next = { ...next, activity: items.slice(0, SHOWN.activity) }
  }
  if (!component) return next
  const same = (other: Component) => other.component === component.component
  const known = shown.health.some(same)
  const health = known ? inPlace(shown.health, component, same) : [...shown.health, component]
  return { ...next, health }
}

export function applyToSupport(shown: Support, frame: LiveFrame): Support {
  const ticket = ticketOf(frame)
  if (ticket) {
    const same = (other: Ticket) => other.ticket_id === ticket.ticket_id
    const before = shown.latest.find(same)
    if (before && before.position >= ticket.position) return shown
    const latest = onTop(shown.latest, ticket, same, SHOWN.tickets).sort(
      (a, b) => b.occurred_at.localeCompare(a.occurred_at) || b.position - a.position,
    )
    return { ...shown, latest }
  }
  const error = errorOf(frame)
  if (!error) return shown
  const same = (other: WorkflowError) => other.id === error.id
  return { ...shown, errors: onTop(shown.errors, error, same, SHOWN.errors) }
}

export function applyToSentinel(shown: Sentinel, frame: LiveFrame): Sentinel {
  const alert = alertOf(frame)
  if (alert) {
    const same = (other: Alert) => other.id === alert.id && other.episode === alert.episode
    const before = shown.timeline.find(same)
    if (before && before.position >= alert.position) return shown
    if (before) return { ...shown, timeline: inPlace(shown.timeline, alert, same) }
    const timeline = onTop(shown.timeline, alert, same, SHOWN.alerts).sort(
      (a, b) => b.raised_at.localeCompare(a.raised_at) || b.position - a.position,
    )
    return { ...shown, timeline }
  }
  const maintenance = maintenanceOf(frame)
  if (!maintenance) return shown
  const same = (other: Maintenance) => other.id === maintenance.id
  const over = maintenance.status === 'ended' || maintenance.status === 'cancelled'
  const others = shown.maintenance.filter((each) => !same(each))
  const list = over ? others : [...others, maintenance]
  return {
    ...shown,
    maintenance: list.sort((a, b) => a.starts_at.localeCompare(b.starts_at)),
  }
}

export function applyToEnrichisseur(shown: Enrichisseur, frame: LiveFrame): Enrichisseur {
  const run = runOf(frame)
  if (!run) return shown
  const same = (other: Run) => other.run_id === run.run_id
  return { ...shown, runs: onTop(shown.runs, run, same, SHOWN.runs) }
}
