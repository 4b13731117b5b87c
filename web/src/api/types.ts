// Names for the shapes of the API; everything else imports from here, never from the generated file.
import type { components } from './schema'

type Schemas = components['schemas']

export type CurrentUser = Schemas['CurrentUser']
export type Approval = Schemas['Approval']
export type ApprovalContext = Schemas['ApprovalContext']
export type ApprovalStatus = Schemas['ApprovalStatus']
export type ApprovalStats = Schemas['ApprovalStats']
export type ActionLevel = Schemas['ActionLevel']
export type Decision = Schemas['Decision']
export type TimelineEntry = Schemas['TimelineEntry']
export type Tool = Schemas['Tool']
export type Client = Schemas['Client']
export type AuditItem = Schemas['AuditItem']
export type LoggedEvent = Schemas['Event']
export type CommandAnswer = Schemas['CommandAnswer']
export type FeedPage = Schemas['FeedPage']
