// Each alert with what was done about it, as a tree of steps (PRD 3.3.3).
import { Link } from '@tanstack/react-router'
import {
  CircleCheck,
  Eye,
  Hourglass,
  MailCheck,
  MailQuestion,
  RotateCcw,
  StickyNote,
  TicketPlus,
  type LucideIcon,
} from 'lucide-react'
import type { ReactNode } from 'react'
import type { Alert, AlertStep, StepKind } from '@/api/supervision-types'
import { useActorName } from '@/api/use-actor-name'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { parisMoment } from '@/lib/paris'
import { serverClock } from '@/lib/server-clock'
import { VisibleText } from '@/ui/visible-text'
import { AlertMarks, ClientName, TicketLink, useResponsibility } from './labels'
import { freshClass, useFresh } from './use-fresh'

export const stepIcons: Record<StepKind, LucideIcon> = {
  ticket_created: TicketPlus,
  diagnostic_mail_sent: MailQuestion,
  awaiting_diag: Hourglass,
  diag_received: MailCheck,
  note: StickyNote,
}

interface AlertTimelineProps {
  alerts: Alert[]
  scope: string
  label: string
}

const keyOf = (alert: Alert) => `${alert.id}:${alert.episode}`

export function AlertTimeline({ alerts, scope, label }: AlertTimelineProps) {
  const fresh = useFresh(alerts.map(keyOf), scope)
  return (
    <ol aria-label={label}>
      {alerts.map((alert) => (
        <AlertEntry
          key={keyOf(alert)}
          alert={alert}
          className={freshClass(fresh.has(keyOf(alert)))}
        />
      ))}
    </ol>
  )
}

function AlertEntry({ alert, className }: { alert: Alert; className?: string }) {
  const { language } = useT()
  return (
    <li
      data-alert={alert.id}
      className={cn(
        'border-line grid gap-x-4 gap-y-1 border-b px-4 py-3 last:border-0 sm:grid-cols-[4rem_minmax(0,1fr)] sm:px-5',
        className,
      )}
    >
      <time
        dateTime={alert.raised_at}
        className="text-soft text-sm tabular-nums sm:pt-0.5 sm:text-base"
      >
        {parisMoment(alert.raised_at, language, serverClock.now())}
      </time>
      <div className="min-w-0">
        <div className="hover:bg-sunken/60 relative -mx-2 rounded-lg px-2">
          <AlertTitle alert={alert} />
        </div>
        <Steps alert={alert} />
      </div>
    </li>
  )
}

export function AlertTitle({ alert }: { alert: Alert }) {
  const { tn } = useT()
  const responsibilityOf = useResponsibility()
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <Link
          to="/supervision/alertes/$id"
          params={{ id: alert.id }}
          search={{ episode: alert.episode }}
          className="text-md font-semibold break-all underline-offset-4 after:absolute after:inset-0 hover:underline"
        >
          <VisibleText text={alert.device} strict />
        </Link>
        <AlertMarks alert={alert} />
      </p>
      <p className="text-base break-words">
        <VisibleText text={alert.message} />
      </p>
      <p className="text-soft text-sm">
        {responsibilityOf(alert)} · <ClientName client={alert.client} />
        {alert.repeats > 0 ? ` · ${tn('sv.alert.repeats', alert.repeats)}` : ''}
        {alert.reopenings > 0 ? ` · ${tn('sv.alert.reopenings', alert.reopenings)}` : ''}
      </p>
    </>
  )
}

interface Leaf {
  key: string
  icon: LucideIcon
  at: string
  body: ReactNode
  by?: string
}

/** The steps and what is not one but belongs between them, by time. */
export function useLeaves(alert: Alert): Leaf[] {
  const { t, tn } = useT()
  const leaves = alert.steps.map((step, i): Leaf => ({
    key: `step-${i}`,
    icon: stepIcons[step.kind],
    at: step.at,
    body: <StepText step={step} />,
    by: step.by,
  }))
  if (alert.acknowledged_at) {
    leaves.push({
      key: 'acknowledged',
      icon: Eye,
      at: alert.acknowledged_at,
      body: t('sv.alert.acknowledged'),
      by: alert.acknowledged_by ?? undefined,
    })
  }
  if (alert.reopenings > 0) {
    const body = tn('sv.alert.reopenings', alert.reopenings)
    leaves.push({ key: 'reopened', icon: RotateCcw, at: alert.last_occurred_at, body })
  }
  if (alert.resolved_at) {
    leaves.push({
      key: 'resolved',
      icon: CircleCheck,
      at: alert.resolved_at,
      body: (
        <span className="text-green font-medium">
          {t('sv.alert.resolved')}
          {alert.resolution ? (
            <span className="text-ink font-normal">
              {' '}
              (<VisibleText text={alert.resolution} />)
            </span>
          ) : null}
        </span>
      ),
      by: alert.resolved_by ?? undefined,
    })
  }
  return leaves.sort((a, b) => a.at.localeCompare(b.at))
}

function StepText({ step }: { step: AlertStep }) {
  const { t } = useT()
  return (
    <>
      {t(`sv.step.${step.kind}`)}
      {step.ticket_id == null ? null : (
        <>
          {' '}
          <TicketLink number={step.ticket_id} url={step.url} />
        </>
      )}
      {step.detail ? (
        <span className="text-soft">
          {' '}
          · <VisibleText text={step.detail} />
        </span>
      ) : null}
    </>
  )
}

function Steps({ alert }: { alert: Alert }) {
  const { t, language } = useT()
  const nameOf = useActorName()
  const leaves = useLeaves(alert)
  if (leaves.length === 0) return null
  return (
    <ol aria-label={t('sv.steps')} className="mt-1.5">
      {leaves.map(({ key, icon: Icon, at, body, by }) => (
        <li key={key} className="group/leaf relative flex gap-2 pb-1.5 pl-4 text-base last:pb-0">
          <span
            aria-hidden="true"
            className="border-line-strong/50 absolute top-0 left-0 h-3 w-3 rounded-bl border-b border-l"
          />
          <span
            aria-hidden="true"
            className="bg-line-strong/50 absolute top-0 bottom-0 left-0 w-px group-last/leaf:hidden"
          />
          <Icon className="text-soft mt-1 size-3.5 shrink-0" aria-hidden="true" />
          <span className="min-w-0 flex-1 break-words">{body}</span>
          <span className="text-faint shrink-0 text-sm tabular-nums">
            {by ? <span className="max-sm:sr-only">{nameOf(by)} · </span> : null}
            <time dateTime={at}>{parisMoment(at, language, serverClock.now())}</time>
          </span>
        </li>
      ))}
    </ol>
  )
}
