// What the approver is in the middle of: drafts, open dialog, requests on their way, recent notices.
import { create } from 'zustand'
import type { Approval } from '@/api/types'

export type DecisionKind = 'approve' | 'reject' | 'postpone' | 'cancel' | 'break_glass'
export type DialogKind = 'confirm' | 'reject' | 'postpone' | 'cancel' | 'stale' | 'break_glass'

export interface Departure {
  approval: Approval
  notice: string
  tone: 'green' | 'red' | 'neutral'
}

interface Draft {
  comment?: string
  reason?: string
  cancel?: string
  breakGlass?: string
}

interface DecisionState {
  /** Typed texts survive errors, conflicts and closed dialogs; only success clears them. */
  drafts: Record<string, Draft | undefined>
  sending: Record<string, DecisionKind | undefined>
  dialog: { kind: DialogKind; approval: Approval } | null
  departures: Departure[]
  arrived: string[]
  announcement: string
}

export const useDecisions = create<DecisionState>(() => ({
  drafts: {},
  sending: {},
  dialog: null,
  departures: [],
  arrived: [],
  announcement: '',
}))

const { setState, getState } = useDecisions

export function setDraft(id: string, draft: Draft) {
  setState((s) => ({ drafts: { ...s.drafts, [id]: { ...s.drafts[id], ...draft } } }))
}

export function clearDraft(id: string) {
  setState((s) => ({ drafts: { ...s.drafts, [id]: undefined } }))
}

export function setSending(id: string, kind: DecisionKind | undefined) {
  setState((s) => ({ sending: { ...s.sending, [id]: kind } }))
}

export function openDialog(kind: DialogKind, approval: Approval) {
  setState({ dialog: { kind, approval } })
}

export function closeDialog() {
  setState({ dialog: null })
}

const NOTICE_MS = 6_000
const ARRIVED_MS = 8_000

/** The card leaves its place to a short notice; the same card leaving twice is one notice. */
export function depart(departure: Departure) {
  const id = departure.approval.id
  const known = getState().departures.some((each) => each.approval.id === id)
  setState((s) => ({
    departures: [...s.departures.filter((each) => each.approval.id !== id), departure],
  }))
  if (known) return
  setTimeout(() => {
    setState((s) => ({ departures: s.departures.filter((each) => each.approval.id !== id) }))
  }, NOTICE_MS)
}

export function comeBack(id: string) {
  setState((s) => ({ departures: s.departures.filter((each) => each.approval.id !== id) }))
}

export function arrive(id: string) {
  setState((s) => ({ arrived: [...s.arrived, id] }))
  setTimeout(() => {
    setState((s) => ({ arrived: s.arrived.filter((each) => each !== id) }))
  }, ARRIVED_MS)
}

/** Said to screen readers; repeated sentences are still said. */
export function announce(text: string) {
  const last = getState().announcement
  setState({ announcement: last === text ? `${text}\u00A0` : text })
}
