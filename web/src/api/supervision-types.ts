// Names for what SUPERVISION shows; the screens import from here, never from the generated file.
import type { Approval, ApprovalStats } from './types'

export type Range = 'today' | '24h' | '7d' | '30d' | 'custom'
export interface Period {
  range: Range
  from: string
  to: string
  previous_from: string
  previous_to: string
  step: 'hour' | 'day'
}
export interface Count {
  value: number
  previous: number
  change_percent: number | null
}
export interface ClientRef {
  id: string
  name: string | null
  critical: boolean | null
  is_known: boolean
}
export type HealthStatus = 'ok' | 'degraded' | 'down' | 'unknown'
export interface Component {
  component: string
  status: HealthStatus
  since: string | null
  detail: string | null
  latency_ms: number | null
  is_configured: boolean
}
export type ActivityKind =
  | 'ticket_processed'
  | 'alert_raised'
  | 'alert_reopened'
  | 'alert_resolved'
  | 'approval_requested'
  | 'approval_decided'
  | 'workflow_error'
  | 'health_changed'
  | 'enrichment_finished'
export interface Activity {
  position: number
  at: string
  kind: ActivityKind
  target_type: string
  target_id: string
  label: string
  status: string | null
  category: string | null
  client: ClientRef | null
}
export interface Pending {
  value: number
  red: number
  yellow: number
  green: number
}
export interface Overview {
  period: Period
  as_of: string
  tickets: Count
  alerts: Count
  pending_approvals: Pending
  knowledge: { entries: number; added_today: number }
  rejected_facts: number | null
  health: Component[]
  activity: Activity[]
}
export type Category = 'RESET_MDP' | 'DEBLOCAGE' | 'DIAG' | 'AUTRE'
export type Outcome = 'resolved' | 'in_progress' | 'escalated' | 'failed'
export interface Ticket {
  ticket_id: number
  aggregate_id: string
  title: string | null
  category: Category
  outcome: Outcome
  automatic: boolean
  client: ClientRef | null
  duration_ms: number | null
  reports: number
  first_occurred_at: string
  occurred_at: string
  reported_by: string
  url: string | null
  position: number
}
export interface WorkflowError {
  id: string
  workflow: string
  message: string
  tool: string | null
  ticket_id: number | null
  attempts: number | null
  recovered: boolean
  occurred_at: string
  reported_by: string
  url: string | null
  position: number
}
export interface CategoryCount {
  category: Category
  count: number
  previous: number
  automatic_count: number
  automatic_percent: number | null
}
export interface Support {
  period: Period
  as_of: string
  total: Count
  by_category: CategoryCount[]
  by_outcome: { outcome: Outcome; count: number }[]
  mean_duration_ms: number | null
  series: { at: string; counts: Record<Category, number> }[]
  by_client: { client: ClientRef | null; count: number }[]
  latest: Ticket[]
  errors: WorkflowError[]
  errors_24h: number
}
export type Responsibility = 'fai' | 'local' | 'widip' | 'indetermine'
export type Severity = 'critical' | 'warning' | 'info'
export interface ImpactedClient {
  client: ClientRef
  state: 'red' | 'yellow' | 'green'
  active: number
  awaiting_diag: number
  since: string | null
  responsibility: Responsibility
  resolved_at: string | null
}
export type StepKind =
  'ticket_created' | 'diagnostic_mail_sent' | 'awaiting_diag' | 'diag_received' | 'note'
export interface AlertStep {
  kind: StepKind
  at: string
  ticket_id: number | null
  detail: string | null
  by: string
  url: string | null
}
export interface Alert {
  id: string
  episode: number
  version: number
  source: string
  external_id: string
  device: string
  client: ClientRef | null
  severity: Severity
  message: string
  responsibility: Responsibility
  confidence: number | null
  status: 'active' | 'resolved'
  acknowledged_by: string | null
  acknowledged_at: string | null
  is_flapping: boolean
  is_muted: boolean
  is_awaiting_diag: boolean
  raised_at: string
  last_occurred_at: string
  repeats: number
  reopenings: number
  resolved_at: string | null
  resolution: string | null
  resolved_by: string | null
  steps: AlertStep[]
  position: number
}
export interface Maintenance {
  id: string
  client: ClientRef | null
  device: string | null
  reason: string
  starts_at: string
  ends_at: string
  status: 'planned' | 'running' | 'ended' | 'cancelled'
  planned_by: string
  planned_at: string
  version: number
  position: number
}
export interface Sentinel {
  period: Period
  as_of: string
  total: Count
  active: number
  resolved: number
  active_now: number
  acknowledged_now: number
  flapping_now: number
  muted_now: number
  by_responsibility: { responsibility: Responsibility; count: number; percent: number }[]
  by_severity: { severity: Severity; count: number }[]
  series: { at: string; counts: Record<Responsibility, number> }[]
  mean_resolution_seconds: number | null
  impacted_clients: ImpactedClient[]
  timeline: Alert[]
  maintenance: Maintenance[]
  clients_to_identify: number
}
export interface Run {
  run_id: string
  aggregate_id: string
  started_at: string
  finished_at: string
  next_run_at: string | null
  added: number
  updated: number
  failed: number
  by_source: Record<string, number>
  reported_by: string
  position: number
}
export interface Enrichisseur {
  period: Period
  as_of: string
  entries: number
  added: Count
  updated: number
  failed: number
  runs_total: number
  failed_runs: number
  series: { at: string; added: number; updated: number; failed: number; entries: number }[]
  by_source: { source: string; count: number }[]
  runs: Run[]
  last_run_at: string | null
  next_run_at: string | null
}
export interface SafeguardDashboard {
  period: Period
  as_of: string
  pending_counts: Pending
  pending: Approval[]
  stats: ApprovalStats
  previous_total: number
}
export interface HealthPage {
  components: Component[]
  changes: Component[]
}
export interface RejectedFact {
  sequence: number
  subject: string
  service: string
  code: string
  detail: string
  received_at: string
  body: string
  size: number
}
export interface Paged<T> {
  items: T[]
  next_cursor?: string | null
}
