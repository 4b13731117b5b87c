// Names for the shapes of the API; everything else imports from here, never from the generated file.
// Optional fields added here are welcome when the server sends them, and hidden when it does not.
import type { components } from './schema'

type Schemas = components['schemas']

export type CurrentUser = Schemas['Me'] & {
  expires_at?: string | null
  /** Base of the links to tickets. */
  glpi_base_url?: string | null
}
export type ActionLevel = Schemas['ActionLevel']
export type ApprovalStatus = Schemas['ApprovalStatus']
export type ApprovalContext = Schemas['ApprovalContext'] & { glpi_url?: string | null }
export type Decision = Schemas['Decision']
export type TimelineEntry = Schemas['TimelineEntry']

export type Approval = Omit<Schemas['Approval'], 'arguments' | 'context' | 'timeline'> & {
  arguments: Record<string, unknown>
  context: ApprovalContext
  /** Only in the detail. */
  timeline?: TimelineEntry[]
}

export type ApprovalStats = Schemas['ApprovalStats']
export type Tool = Schemas['Tool'] & {
  /** Its schema or description is no longer what was registered. */
  changed?: boolean
}
export type Client = Schemas['Client']
export type ClientImport = Schemas['ClientImport']
export type AuditItem = Omit<Schemas['AuditItem'], 'outcome' | 'details'> & {
  outcome: 'accepted' | 'refused' | 'failed'
  details: Record<string, unknown> | null
}
export type LoggedEvent = Omit<Schemas['RawEvent'], 'data'> & { data: Record<string, unknown> }
export type CommandAnswer = Schemas['CommandAnswer']
export type FeedPage = Schemas['FeedPage']
export type CatalogueField = Schemas['CatalogueField']
export type CatalogueEvent = Schemas['CatalogueEvent']
export type ProjectionState = Schemas['ProjectionState']
export type ParkedItem = Schemas['ParkedItem']
