import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowLeft, Copy, ScrollText, Siren } from 'lucide-react'
import type { ReactNode } from 'react'
import { ApiError, describeError } from '@/api/problem'
import { useViewing } from '@/api/presence'
import { approvalQuery } from '@/api/safeguard'
import type { Approval } from '@/api/types'
import { useActorName } from '@/api/use-actor-name'
import { useSession } from '@/api/use-session'
import { formatDateTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { atLeast, mayReadAudit } from '@/lib/levels'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Card } from '@/ui/page'
import { EmptyState, ErrorState, NoMatchIllustration, SkeletonRows } from '@/ui/states'
import { Timeline } from '@/ui/timeline'
import { toast } from '@/ui/toasts'
import { VisibleText } from '@/ui/visible-text'
import { ActionLine } from './action-line'
import { subjectOf, useActionTitle } from '@/api/action-title'
import { Requester, Votes } from './approval-card'
import { brokeGlass, timelineOf } from './approval-timeline'
import { ArgumentsTable } from './arguments-table'
import { Countdown, TimeBar, useExpired } from './countdown'
import { CancelButton, DecisionBar } from './decision-bar'
import { DecisionList } from './decision-list'
import { mayCancel } from './decision-rules'
import { openDialog } from './decision-store'
import { LevelBadge } from './level-badge'
import { Readers } from './readers'
import { StatusBadge } from './status-badge'
import { TicketContext } from './ticket-context'
import { UnknownToolMark } from './tool-mark'

const route = getRouteApi('/app/safeguard/$id')

export function DetailPage() {
  const { t } = useT()
  const { id } = route.useParams()
  const query = useQuery(approvalQuery(id))
  useTitle(query.data?.reference ?? t('sg.title'))
  if (query.isPending) {
    return (
      <Card>
        <SkeletonRows label={t('common.loading')} />
      </Card>
    )
  }
  if (!query.data) {
    const missing = query.error instanceof ApiError && query.error.status === 404
    const problem = describeError(query.error, t)
    return missing ? (
      <EmptyState illustration={<NoMatchIllustration />} title={problem.text} action={<Back />} />
    ) : (
      <ErrorState
        text={problem.text}
        trace={problem.traceId}
        retryLabel={t('common.retry')}
        onRetry={() => void query.refetch()}
      />
    )
  }
  return <Detail approval={query.data} />
}

function Back({ decided }: { decided?: boolean }) {
  const { t } = useT()
  return (
    <Link
      to={decided ? '/safeguard/history' : '/safeguard/pending'}
      className="text-accent inline-flex h-11 items-center sm:h-10 gap-1.5 text-base font-medium underline-offset-4 hover:underline"
    >
      <ArrowLeft className="size-4" aria-hidden="true" />
      {decided ? t('sg.history.heading') : t('sg.pending.heading')}
    </Link>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card className="p-4 sm:p-5">
      <h2 className="mb-3 text-md font-semibold">{title}</h2>
      {children}
    </Card>
  )
}

function Detail({ approval }: { approval: Approval }) {
  const { t, language } = useT()
  const person = useSession()
  const titleOf = useActionTitle()
  const nameOf = useActorName()
  const expired = useExpired(approval)
  const pending = approval.status === 'pending'
  const broken = brokeGlass(approval)
  useViewing(pending ? approval.id : null)
  return (
    <>
      <div className="flex items-center gap-4">
        <Back decided={!pending} />
        {pending ? <Readers id={approval.id} /> : null}
      </div>
      <div className="mt-2 mb-5">
        <div className="flex flex-wrap items-center gap-2">
          <span className="text-soft font-mono text-sm">{approval.reference}</span>
          <StatusBadge status={approval.status} />
          <LevelBadge level={approval.security_level} />
          <UnknownToolMark toolName={approval.tool_name} />
          {broken ? (
            <Badge tone="red">
              <Siren aria-hidden="true" />
              {t('sg.detail.break_glass_mark')}
            </Badge>
          ) : null}
        </div>
        <h1 className="mt-2 font-serif text-2xl leading-9 font-semibold tracking-tight break-words">
          <ActionLine title={titleOf(approval)} subject={subjectOf(approval)} />
        </h1>
        <p className="text-faint font-mono text-sm break-all">
          <VisibleText text={approval.tool_name} strict />
        </p>
      </div>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1.6fr)_minmax(0,1fr)]">
        <div className="flex flex-col gap-4">
          {pending ? (
            <Card className="overflow-hidden">
              <TimeBar approval={approval} />
              <div className="flex flex-col gap-4 p-4 sm:p-5">
                <div className="flex flex-wrap items-center justify-between gap-3">
                  <Countdown approval={approval} />
                  <Votes approval={approval} />
                </div>
                <DecisionBar approval={approval} detailed />
                {mayCancel(approval, person, expired) ? (
                  <div className="border-line -mx-4 -mb-4 flex flex-wrap gap-x-2 border-t px-1 py-1 sm:-mx-5 sm:-mb-5 sm:px-2">
                    <CancelButton approval={approval} />
                    {atLeast(person, 'N4') ? (
                      <Button
                        variant="ghost"
                        className="text-red hover:bg-red-soft hover:text-red sm:ml-auto"
                        onClick={() => {
                          openDialog('break_glass', approval)
                        }}
                      >
                        <Siren className="size-4" aria-hidden="true" />
                        {t('sg.bg.button')}
                      </Button>
                    ) : null}
                  </div>
                ) : null}
              </div>
            </Card>
          ) : null}
          <Section title={t('sg.arguments')}>
            <ArgumentsTable args={approval.arguments} />
            <HashLine hash={approval.arguments_hash} />
          </Section>
          <Section
            title={
              approval.context.ticket_id
                ? t('sg.ticket', { id: approval.context.ticket_id })
                : t('sg.context')
            }
          >
            <TicketContext approval={approval} />
          </Section>
          {pending ? null : (
            <Section title={t('sg.detail.execution')}>
              <Execution approval={approval} />
            </Section>
          )}
        </div>
        <div className="flex flex-col gap-4">
          <Section title={t('sg.detail.timeline')}>
            <Timeline
              label={t('sg.detail.timeline')}
              steps={timelineOf(approval, t, language, nameOf)}
            />
          </Section>
          {approval.decisions.length > 0 ? (
            <Section title={t('sg.decisions')}>
              <DecisionList decisions={approval.decisions} />
            </Section>
          ) : null}
          <Card className="flex flex-col gap-3 p-4 sm:p-5">
            <Requester approval={approval} />
            <p className="text-soft text-sm">
              {t('sg.detail.expires')}{' '}
              <time dateTime={approval.expires_at} className="text-ink font-medium">
                {formatDateTime(approval.expires_at, language)}
              </time>
            </p>
            {mayReadAudit(person) ? (
              <Link
                to="/audit/$targetType/$targetId"
                params={{ targetType: 'safeguard.approval', targetId: approval.id }}
                className="text-accent inline-flex min-h-11 items-center sm:min-h-9 gap-1.5 self-start text-base font-medium underline-offset-4 hover:underline"
              >
                <ScrollText className="size-4" aria-hidden="true" />
                {t('sg.detail.audit')}
              </Link>
            ) : null}
          </Card>
        </div>
      </div>
    </>
  )
}

function HashLine({ hash }: { hash: string }) {
  const { t } = useT()
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(hash)
      toast('success', t('common.copied'))
    } catch {
      // Clipboard may be forbidden; the text can be selected.
    }
  }
  return (
    <div className="border-line mt-3 flex items-center gap-2 border-t pt-3">
      <p className="text-faint min-w-0 flex-1 text-xs">
        {t('sg.detail.hash')}
        <span className="text-soft block font-mono break-all">{hash}</span>
      </p>
      <Button variant="ghost" size="icon" aria-label={t('common.copy')} onClick={() => void copy()}>
        <Copy className="size-4" aria-hidden="true" />
      </Button>
    </div>
  )
}

function Execution({ approval }: { approval: Approval }) {
  const { t, language } = useT()
  const { execution } = approval
  if (!execution) return <p className="text-soft text-base">{t('sg.detail.no_execution')}</p>
  const text =
    execution.outcome === 'succeeded'
      ? t('sg.detail.succeeded')
      : execution.outcome === 'failed'
        ? t('sg.detail.failed')
        : t('sg.detail.running')
  const tone = execution.outcome === 'succeeded' ? 'green' : execution.outcome ? 'red' : 'accent'
  return (
    <div className="flex flex-col gap-2 text-base">
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={tone}>{text}</Badge>
        {execution.finished_at ? (
          <time dateTime={execution.finished_at} className="text-soft text-sm">
            {formatDateTime(execution.finished_at, language)}
          </time>
        ) : null}
      </p>
      {execution.detail ? (
        <p className="break-words">
          <VisibleText text={execution.detail} />
        </p>
      ) : null}
    </div>
  )
}
