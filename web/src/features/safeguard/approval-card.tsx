import { Link } from '@tanstack/react-router'
import { Bot, ChevronRight, User, UsersRound } from 'lucide-react'
import { memo } from 'react'
import type { Approval } from '@/api/types'
import { useActorName } from '@/api/use-actor-name'
import { cn } from '@/lib/cn'
import { actorName, formatDateTime, formatTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useServerTime } from '@/lib/use-clock'
import { Badge } from '@/ui/badge'
import { VisibleText } from '@/ui/visible-text'
import { ActionLine } from './action-line'
import { subjectOf } from '@/api/action-title'
import { ArgumentsTable } from './arguments-table'
import { Countdown, TimeBar, useTier } from './countdown'
import { DecisionBar } from './decision-bar'
import { DecisionList } from './decision-list'
import { approvalsSoFar, isPostponed, whyTwo, type Tier } from './decision-rules'
import { useDecisions } from './decision-store'
import { LevelBadge } from './level-badge'
import { Readers } from './readers'
import { TicketContext } from './ticket-context'
import { UnknownToolMark } from './tool-mark'

const tierHead: Record<Tier, string> = {
  red: 'bg-red-soft',
  yellow: 'bg-yellow-soft',
  green: 'bg-green-soft',
}
const tierLine: Record<Tier, string> = {
  red: 'border-red-line',
  yellow: 'border-yellow-line',
  green: 'border-line',
}

interface ApprovalCardProps {
  approval: Approval
  title: string
  selected: boolean
  settling: boolean
}

export function Requester({ approval }: { approval: Approval }) {
  const { t, language } = useT()
  const nameOf = useActorName()
  const service = approval.requested_by.startsWith('service:')
  const Icon = service ? Bot : User
  return (
    <p className="text-soft flex flex-wrap items-center gap-x-1.5 gap-y-1 text-sm">
      <Icon className="size-4" aria-hidden="true" />
      {t('sg.requested_by')}{' '}
      <span className="text-ink font-medium">
        {nameOf(approval.requested_by)}
        {service ? ` (${t('common.service')})` : ''}
      </span>
      {approval.on_behalf_of ? (
        <>
          {t('sg.on_behalf_of')}{' '}
          <span className="text-ink font-medium">
            <VisibleText text={actorName(approval.on_behalf_of)} strict />
          </span>
        </>
      ) : null}
      <span aria-hidden="true" className="max-sm:hidden">
        ·
      </span>
      <time dateTime={approval.requested_at} className="max-sm:basis-full">
        {formatDateTime(approval.requested_at, language)}
      </time>
    </p>
  )
}

export function Votes({ approval }: { approval: Approval }) {
  const { t } = useT()
  const why = whyTwo(approval)
  if (!why) return null
  const n = approvalsSoFar(approval)
  return (
    <div className="text-sm">
      <p className="flex items-center gap-2 font-medium">
        <UsersRound className="text-accent size-4" aria-hidden="true" />
        <span>{t('sg.votes', { n, total: approval.required_approvals })}</span>
        <span aria-hidden="true" className="flex gap-1">
          {Array.from({ length: approval.required_approvals }, (_, i) => (
            <span
              key={i}
              className={cn('h-1.5 w-5 rounded-full', i < n ? 'bg-green-bar' : 'bg-line-strong/50')}
            />
          ))}
        </span>
      </p>
      <p className="text-soft">{t(`sg.why_two.${why}`)}</p>
    </div>
  )
}

export const ApprovalCard = memo(function ApprovalCard(props: ApprovalCardProps) {
  const { approval, title, selected, settling } = props
  const { t, language } = useT()
  const tier = useTier(approval)
  const isNew = useDecisions((s) => s.arrived.includes(approval.id))
  const postponed = useServerTime((now) => isPostponed(approval, now))
  return (
    <article
      data-approval={approval.id}
      tabIndex={-1}
      aria-labelledby={`title-${approval.id}`}
      className={cn(
        'bg-surface shadow-card scroll-mt-24 overflow-hidden rounded-xl border outline-offset-4',
        tierLine[tier],
        isNew && 'animate-arrive',
        selected && 'ring-focus ring-2 ring-offset-2 ring-offset-[var(--paper)]',
      )}
    >
      <TimeBar approval={approval} />
      <header
        className={cn(
          'flex flex-wrap items-center gap-x-3 gap-y-1.5 px-4 py-2.5 sm:px-5',
          tierHead[tier],
        )}
      >
        <Countdown approval={approval} />
        {isNew ? <Badge tone="accent">{t('sg.new')}</Badge> : null}
        <Readers id={approval.id} />
        <Link
          to="/safeguard/$id"
          params={{ id: approval.id }}
          aria-label={`${t('sg.details')} · ${approval.reference}`}
          className="text-ink -my-2.5 inline-flex h-11 items-center gap-1 font-mono text-sm underline underline-offset-4"
        >
          {approval.reference}
          <ChevronRight className="size-4" aria-hidden="true" />
        </Link>
      </header>
      <div className="flex flex-col gap-4 px-4 py-4 sm:px-5">
        <div>
          <div className="flex flex-wrap items-start justify-between gap-x-3 gap-y-2">
            <h2 id={`title-${approval.id}`} className="text-lg leading-6 font-semibold break-words">
              <ActionLine title={title} subject={subjectOf(approval)} />
            </h2>
            <span className="flex flex-wrap gap-1.5">
              <LevelBadge level={approval.security_level} />
              <UnknownToolMark toolName={approval.tool_name} />
            </span>
          </div>
          <p className="text-faint mt-1 font-mono text-sm break-all">
            <VisibleText text={approval.tool_name} strict />
          </p>
        </div>
        <div className="grid gap-x-6 gap-y-4 md:grid-cols-2">
          <div>
            <h3 className="text-faint mb-1 text-xs font-semibold">{t('sg.arguments')}</h3>
            <ArgumentsTable args={approval.arguments} />
          </div>
          <div className="border-line md:border-l md:pl-6">
            <h3 className="text-faint mb-1 text-xs font-semibold">
              {approval.context.ticket_id
                ? t('sg.ticket', { id: approval.context.ticket_id })
                : t('sg.context')}
            </h3>
            <TicketContext approval={approval} />
          </div>
        </div>
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
          <Requester approval={approval} />
          <Votes approval={approval} />
        </div>
        {approval.decisions.length > 0 ? <DecisionList decisions={approval.decisions} /> : null}
        {approval.postponed_until && postponed ? (
          <p className="text-soft text-sm">
            {t('sg.postponed_until', { time: formatTime(approval.postponed_until, language) })}
          </p>
        ) : null}
        <div className="border-line -mx-4 border-t px-4 pt-4 sm:-mx-5 sm:px-5">
          <DecisionBar approval={approval} settling={settling} />
        </div>
      </div>
    </article>
  )
})
