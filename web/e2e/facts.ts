// What workflows tell the platform, published over NATS by a service account.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Fact = [subject: string, body: Record<string, unknown> | string]

export async function publish(...facts: Fact[]) {
  const python = process.env.GREFFE_PYTHON
  if (!python) throw new Error('GREFFE_PYTHON is not set: run scripts/journeys')
  await run(python, ['e2e/facts.py', JSON.stringify(facts)])
}

/** RFC 3339, so many minutes ago. */
export const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

export const ticket = (number: number, change: Record<string, unknown> = {}): Fact => [
  'support.ticket_processed',
  {
    ticket_id: number,
    title: 'Reset MDP - Jean Dupont',
    category: 'RESET_MDP',
    outcome: 'resolved',
    automatic: true,
    client_id: '42',
    duration_ms: 8_400,
    occurred_at: ago(0),
    ...change,
  },
]

export const alert = (id: string, device: string, change: Record<string, unknown> = {}): Fact => [
  'sentinel.alert',
  {
    source: 'observium',
    external_id: id,
    state: 'down',
    device,
    client_id: '42',
    severity: 'critical',
    message: 'Device down',
    responsibility: 'fai',
    confidence: 75,
    resolution: null,
    occurred_at: ago(0),
    ...change,
  },
]

export const step = (id: string, kind: string, change: Record<string, unknown> = {}): Fact => [
  'sentinel.step',
  { source: 'observium', external_id: id, kind, occurred_at: ago(0), ...change },
]

export const workflowError = (message: string, change: Record<string, unknown> = {}): Fact => [
  'workflow.error',
  {
    workflow: 'SUPPORT',
    message,
    tool: 'ad_reset_password',
    attempts: 3,
    recovered: false,
    occurred_at: ago(0),
    ...change,
  },
]

export const enrichmentRun = (id: string, change: Record<string, unknown> = {}): Fact => [
  'knowledge.enrichment_run',
  {
    run_id: id,
    started_at: ago(8),
    finished_at: ago(0),
    next_run_at: ago(-24 * 60),
    added: 48,
    updated: 3,
    failed: 0,
    by_source: { tickets: 40, procedures: 8 },
    ...change,
  },
]
