// Names for what SUPERVISION shows; the screens import from here, never from the generated file.
import type { components } from './schema'
import type { Approval } from './types'

type Schemas = components['schemas']

export type Range = Schemas['Range']
export type Period = Schemas['Period']
export type Count = Schemas['Count']
export type ClientRef = Schemas['ClientRef']
export type Component = Schemas['WatchedComponent']
export type HealthStatus = Schemas['WatchedStatus']
export type HealthChange = Schemas['HealthChange']
export type Activity = Schemas['Activity']
export type ActivityKind = Schemas['ActivityKind']
export type Overview = Schemas['Overview']
export type Category = Schemas['TicketCategory']
export type Outcome = Schemas['TicketOutcome']
export type Ticket = Schemas['Ticket']
export type WorkflowError = Schemas['WorkflowError']
export type Support = Schemas['Support']
export type Responsibility = Schemas['Responsibility']
export type Severity = Schemas['AlertSeverity']
export type ImpactedClient = Schemas['ImpactedClient']
export type StepKind = Schemas['StepKind']
export type AlertStep = Schemas['AlertStep']
export type Alert = Schemas['Alert']
export type Maintenance = Schemas['Maintenance']
export type Sentinel = Schemas['Sentinel']
export type Run = Schemas['Run']
export type Enrichisseur = Schemas['Enrichisseur']
export type SafeguardDashboard = Omit<Schemas['SafeguardDashboard'], 'pending'> & {
  pending: Approval[]
}
export type RejectedFact = Schemas['RejectedFact']
export interface Paged<T> {
  items: T[]
  next_cursor?: string | null
}
