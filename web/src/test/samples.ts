import type { Approval, CurrentUser } from '@/api/types'

export function sampleApproval(change: Partial<Approval> = {}): Approval {
  return {
    id: '0198a000-0000-7000-8000-000000000001',
    reference: 'APR-2026-0001',
    status: 'pending',
    version: 1,
    tool_name: 'ad_reset_password',
    arguments: { username: 'jean.dupont' },
    arguments_hash: 'sha256:00',
    security_level: 'L3',
    context: {
      ticket_id: 1234,
      ticket_title: 'Reset MDP',
      client_name: 'EHPAD Les Jardins',
      client_critical: false,
    },
    requested_by: 'service:support',
    on_behalf_of: 'jean.dupont',
    requested_at: '2026-01-06T10:00:00.000Z',
    expires_at: '2026-01-06T11:00:00.000Z',
    required_approvals: 1,
    decisions: [],
    execution: null,
    timeline: [],
    ...change,
  }
}

export function samplePerson(change: Partial<CurrentUser> = {}): CurrentUser {
  return {
    id: '0198-marie',
    username: 'marie.leroy',
    display_name: 'Marie Leroy',
    role: 'tech',
    accreditation_level: 'N2',
    service_accounts: [],
    ...change,
  }
}
