import { Link } from '@tanstack/react-router'
import {
  Activity as Pulse,
  BellRing,
  BookOpen,
  CircleCheck,
  ShieldCheck,
  ShieldQuestion,
  TicketCheck,
  TriangleAlert,
  type LucideIcon,
} from 'lucide-react'
import { useActionTitle } from '@/api/action-title'
import type { Activity, ActivityKind } from '@/api/supervision-types'
import { cn } from '@/lib/cn'
import { hasMessage, useT, type MessageKey } from '@/lib/i18n'
import { parisDateTime, parisDay, parisTimeSeconds } from '@/lib/paris'
import { serverClock } from '@/lib/server-clock'
import { VisibleText } from '@/ui/visible-text'
import type { Destination } from './figure'
import { useComponentName } from './health-strip'
import { ClientName } from './labels'
import { freshClass, useFresh } from './use-fresh'

const icons: Record<ActivityKind, LucideIcon> = {
  ticket_processed: TicketCheck,
  alert_raised: BellRing,
  alert_reopened: BellRing,
  alert_resolved: CircleCheck,
  approval_requested: ShieldQuestion,
  approval_decided: ShieldCheck,
  workflow_error: TriangleAlert,
  health_changed: Pulse,
  enrichment_finished: BookOpen,
}

const tones: Record<ActivityKind, string> = {
  ticket_processed: 'bg-accent-soft text-accent',
  alert_raised: 'bg-red-soft text-red',
  alert_reopened: 'bg-red-soft text-red',
  alert_resolved: 'bg-green-soft text-green',
  approval_requested: 'bg-yellow-soft text-yellow',
  approval_decided: 'bg-accent-soft text-accent',
  workflow_error: 'bg-yellow-soft text-yellow',
  health_changed: 'bg-sunken text-soft',
  enrichment_finished: 'bg-violet-soft text-violet',
}

const statusKeys: Partial<Record<ActivityKind, string>> = {
  ticket_processed: 'sv.outcome',
  health_changed: 'sv.health',
}

export function destinationOf(item: Activity): Destination {
  switch (item.kind) {
    case 'ticket_processed':
      return { to: '/supervision/tickets', search: { q: item.label.replace(/^#/, '') } }
    case 'alert_raised':
    case 'alert_reopened':
    case 'alert_resolved':
      return { to: '/supervision/alertes/$id', params: { id: item.target_id } }
    case 'approval_requested':
    case 'approval_decided':
      return { to: '/safeguard/$id', params: { id: item.target_id } }
    case 'workflow_error':
      return { to: '/supervision/erreurs' }
    case 'health_changed':
      return { to: '/supervision/sante' }
    case 'enrichment_finished':
      return { to: '/supervision/runs' }
  }
}

function useStatus(item: Activity): string | null {
  const { t } = useT()
  const base = statusKeys[item.kind]
  if (!base || !item.status) return null
  const key = `${base}.${item.status}`
  return hasMessage(key) ? t(key) : item.status
}

/** Of a ticket what it asks for, of an alert how bad it is. */
function useCategory({ category }: Activity): string | null {
  const { t } = useT()
  if (!category) return null
  const key = `sv.severity.${category}`
  return hasMessage(key) ? t(key) : category === 'DIAG' ? '#DIAG' : category
}

/** What happened; of an approval, how it ended. */
function useWhat({ kind, status }: Activity): string {
  const { t } = useT()
  const key = `sv.activity.approval.${status ?? ''}`
  return kind === 'approval_decided' && hasMessage(key)
    ? t(key)
    : t(`sv.activity.${kind}` as MessageKey)
}

const isApproval = (kind: ActivityKind) =>
  kind === 'approval_requested' || kind === 'approval_decided'

/** What it is about, as people call it; a run has no name of that kind. */
function useLabel({ kind, label, target_id }: Activity): string | null {
  const componentOf = useComponentName()
  const titleOf = useActionTitle()
  if (kind === 'enrichment_finished') return null
  if (kind === 'health_changed') return componentOf(label)
  // An approval without a known tool is told by its id.
  return isApproval(kind) && label !== target_id ? titleOf({ tool_name: label }) : label
}

interface ActivityListProps {
  items: Activity[]
  scope: string
  label: string
}

export function ActivityList({ items, scope, label }: ActivityListProps) {
  const fresh = useFresh(
    items.map((each) => String(each.position)),
    scope,
  )
  return (
    <ol aria-label={label}>
      {items.map((item) => (
        <ActivityRow
          key={item.position}
          item={item}
          className={freshClass(fresh.has(String(item.position)))}
        />
      ))}
    </ol>
  )
}

function ActivityRow({ item, className }: { item: Activity; className?: string }) {
  const { language } = useT()
  const Icon = icons[item.kind]
  const status = useStatus(item)
  const category = useCategory(item)
  const label = useLabel(item)
  const what = useWhat(item)
  const isToday = parisDay(item.at) === parisDay(serverClock.now())
  return (
    <li
      className={cn(
        'border-line hover:bg-sunken/60 relative flex items-start gap-3 border-b px-4 py-2.5 last:border-0 sm:px-5',
        className,
      )}
    >
      <span
        className={cn(
          'mt-0.5 grid size-7 shrink-0 place-items-center rounded-full',
          tones[item.kind],
        )}
      >
        <Icon className="size-3.5" aria-hidden="true" />
      </span>
      <p className="min-w-0 flex-1 text-base">
        <Link
          {...destinationOf(item)}
          className="underline-offset-4 after:absolute after:inset-0 hover:underline"
        >
          <span className={label ? 'text-soft' : 'font-medium'}>{what}</span>{' '}
          {label ? (
            <span className="font-medium break-words">
              <VisibleText text={label} strict={!isApproval(item.kind)} />
            </span>
          ) : null}
        </Link>
        <span className="text-soft block text-sm">
          {[category, status].filter(Boolean).join(' · ')}
          {item.client ? (
            <>
              {category || status ? ' · ' : ''}
              <ClientName client={item.client} />
            </>
          ) : null}
        </span>
      </p>
      <time dateTime={item.at} className="text-soft mt-0.5 text-sm whitespace-nowrap tabular-nums">
        {isToday ? parisTimeSeconds(item.at, language) : parisDateTime(item.at, language)}
      </time>
    </li>
  )
}
