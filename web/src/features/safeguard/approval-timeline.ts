// The timeline of the API when it is there; otherwise what the approval itself tells.
import {
  Ban,
  CircleCheck,
  CircleCheckBig,
  CircleX,
  Clock3,
  FilePlus2,
  KeyRound,
  Siren,
  TimerOff,
  TriangleAlert,
  Undo2,
  type LucideIcon,
} from 'lucide-react'
import type { Approval } from '@/api/types'
import { formatDateTime } from '@/lib/format'
import type { Language, Translate } from '@/lib/i18n'
import type { TimelineStep, TimelineTone } from '@/ui/timeline'

type Step =
  | 'requested'
  | 'vote'
  | 'approved'
  | 'rejected'
  | 'expired'
  | 'cancelled'
  | 'postponed'
  | 'claimed'
  | 'executed'
  | 'execution_failed'
  | 'lapsed'
  | 'break_glass'

const looks: Record<Step, { icon: LucideIcon; tone: TimelineTone }> = {
  requested: { icon: FilePlus2, tone: 'accent' },
  vote: { icon: CircleCheck, tone: 'green' },
  approved: { icon: CircleCheck, tone: 'green' },
  rejected: { icon: CircleX, tone: 'red' },
  expired: { icon: TimerOff, tone: 'neutral' },
  cancelled: { icon: Undo2, tone: 'neutral' },
  postponed: { icon: Clock3, tone: 'neutral' },
  claimed: { icon: KeyRound, tone: 'accent' },
  executed: { icon: CircleCheckBig, tone: 'green' },
  execution_failed: { icon: TriangleAlert, tone: 'red' },
  lapsed: { icon: TimerOff, tone: 'neutral' },
  break_glass: { icon: Siren, tone: 'red' },
}

/** Event names vary ("safeguard.approval.grant_claimed"): the last word's meaning is what counts. */
function stepOf(type: string): Step | null {
  const name = type.split(/[.:]/).at(-1) ?? ''
  if (/break[-_]?glass|glass_broken/.test(name)) return 'break_glass'
  if (/fail/.test(name)) return 'execution_failed'
  if (/claim|executing/.test(name)) return 'claimed'
  if (/execut/.test(name)) return 'executed'
  if (/vote|decision_recorded/.test(name)) return 'vote'
  return (Object.keys(looks) as Step[]).find((each) => name.includes(each)) ?? null
}

interface Entry {
  at: string
  kind: string
  by?: string
  detail?: string | null
}

function derived(approval: Approval): Entry[] {
  const entries: Entry[] = [
    { at: approval.requested_at, kind: 'requested', by: approval.requested_by },
  ]
  approval.decisions.forEach((each, i) => {
    const last = i === approval.decisions.length - 1 && approval.status !== 'pending'
    const kind = each.kind === 'approved' && !last ? 'vote' : each.kind
    entries.push({ at: each.at, kind, by: each.by, detail: each.comment })
  })
  const { execution } = approval
  if (execution?.claimed_at) entries.push({ at: execution.claimed_at, kind: 'claimed' })
  if (execution?.finished_at) {
    const kind = execution.outcome === 'failed' ? 'execution_failed' : 'executed'
    entries.push({ at: execution.finished_at, kind, detail: execution.detail })
  }
  if (['expired', 'cancelled', 'lapsed'].includes(approval.status)) {
    entries.push({ at: approval.expires_at, kind: approval.status })
  }
  return entries
}

/** Break-glass shows in the detail's timeline, wherever else the API may come to say it. */
export function brokeGlass(approval: Approval): boolean {
  const said = approval.decisions.some((each) => stepOf(each.kind) === 'break_glass')
  return said || (approval.timeline ?? []).some((each) => stepOf(each.kind) === 'break_glass')
}

export function timelineOf(
  approval: Approval,
  t: Translate,
  language: Language,
  nameOf: (actor: string) => string,
): TimelineStep[] {
  const entries: Entry[] = approval.timeline?.length ? approval.timeline : derived(approval)
  return entries.map((entry, i) => {
    const step = stepOf(entry.kind)
    const look = step ? looks[step] : { icon: Ban, tone: 'neutral' as const }
    const when = formatDateTime(entry.at, language)
    return {
      key: `${entry.at}-${i}`,
      ...look,
      title: step ? t(`sg.step.${step}`) : entry.kind,
      meta: entry.by ? `${nameOf(entry.by)} · ${when}` : when,
      body: entry.detail ?? undefined,
    }
  })
}
