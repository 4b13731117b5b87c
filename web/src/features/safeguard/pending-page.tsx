import { useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleX, TimerOff } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { describeError } from '@/api/problem'
import { pendingQuery } from '@/api/safeguard'
import type { Approval } from '@/api/types'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { serverClock } from '@/lib/server-clock'
import { useServerTime } from '@/lib/use-clock'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { PageHeader } from '@/ui/page'
import { EmptyState, ErrorState, NoMatchIllustration, Skeleton } from '@/ui/states'
import { useActionTitle } from '@/api/action-title'
import { ApprovalCard } from './approval-card'
import { useApprove } from './decision-bar'
import { matches, noFilters, whyNot, type Act, type PendingFilters } from './decision-rules'
import { openDialog, useDecisions, type Departure } from './decision-store'
import { HelpDialog } from './help-dialog'
import { NotificationPrompt } from './notification-prompt'
import { PendingFiltersBar } from './pending-filters'
import { useReading } from './use-reading'
import { useShortcuts } from './use-shortcuts'

const SETTLE_MS = 350

/** True for a moment after cards moved, so that a press meant for one card cannot hit another. */
function useSettling(order: string) {
  const [settled, setSettled] = useState(order)
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(order)
    }, SETTLE_MS)
    return () => {
      clearTimeout(timer)
    }
  }, [order])
  // Cards appended at the end move nothing.
  return settled !== order && !order.startsWith(settled)
}

function DepartureNotice({ departure }: { departure: Departure }) {
  const Icon = { green: CircleCheck, red: CircleX, neutral: TimerOff }[departure.tone]
  const tone = { green: 'text-green', red: 'text-red', neutral: 'text-soft' }[departure.tone]
  return (
    <div
      data-departure={departure.approval.id}
      className="border-line bg-surface animate-fade flex items-center gap-3 rounded-xl border border-dashed px-4 py-3 sm:px-5"
    >
      <Icon className={`size-5 shrink-0 ${tone}`} aria-hidden="true" />
      <p className="min-w-0 flex-1 text-base">
        <span className="text-soft font-mono text-sm">{departure.approval.reference}</span>{' '}
        <span className="font-medium">{departure.notice}</span>
      </p>
    </div>
  )
}

type Row = { id: string; expires: string } & (
  { approval: Approval; departure?: undefined } | { departure: Departure; approval?: undefined }
)

function useRows(items: Approval[], filters: PendingFilters, minute: number): Row[] {
  const departures = useDecisions((s) => s.departures)
  const now = Math.max(minute, serverClock.now())
  const visible = items.filter((each) => matches(each, filters, now))
  const leaving = departures.filter(
    ({ approval }) => !visible.some((each) => each.id === approval.id),
  )
  const rows: Row[] = [
    ...visible.map((approval) => ({ id: approval.id, expires: approval.expires_at, approval })),
    ...leaving.map((departure) => ({
      id: departure.approval.id,
      expires: departure.approval.expires_at,
      departure,
    })),
  ]
  return rows.sort((a, b) => a.expires.localeCompare(b.expires) || a.id.localeCompare(b.id))
}

export function PendingPage() {
  const { t, tn } = useT()
  const person = useSession()
  const query = useQuery(pendingQuery)
  const [filters, setFilters] = useState(noFilters)
  const [helping, setHelping] = useState(false)
  const [selected, setSelected] = useState<string | null>(null)
  const searchRef = useRef<HTMLInputElement>(null)
  const titleOf = useActionTitle()
  const approve = useApprove()
  // Filters by urgency and postponed cards waking need a look every few seconds, not every frame.
  const fiveSeconds = useServerTime((now) => Math.floor(now / 5_000) * 5_000)
  const items = query.data?.items ?? []
  const rows = useRows(items, filters, fiveSeconds)
  const settling = useSettling(rows.map((row) => row.id).join(' '))
  const cards = rows.filter((row) => row.approval)
  useTitle(t('sg.title'))

  useReading(cards.map((row) => row.id).join(' '), selected)

  const withCard = (kind: Act, act: (approval: Approval) => void) => (id: string) => {
    const found = items.find((each) => each.id === id)
    const expired = found ? Date.parse(found.expires_at) <= serverClock.now() : true
    if (found && whyNot(found, person, expired, kind) === null) act(found)
  }
  useShortcuts({
    approve: withCard('approve', approve),
    reject: withCard('reject', (each) => {
      openDialog('reject', each)
    }),
    postpone: withCard('postpone', (each) => {
      openDialog('postpone', each)
    }),
    search: () => searchRef.current?.focus(),
    help: () => {
      setHelping(true)
    },
  })

  const shown = items.filter((each) =>
    matches(each, { ...noFilters, showPostponed: filters.showPostponed }, fiveSeconds),
  )
  const problem = query.error && !query.data ? describeError(query.error, t) : null

  return (
    <>
      <PageHeader
        title={t('sg.pending.heading')}
        aside={
          query.data ? (
            <p className="text-soft text-base tabular-nums max-sm:sr-only">
              {tn('sg.pending.count', shown.length)}
            </p>
          ) : null
        }
      />
      {query.data ? <NotificationPrompt /> : null}
      {items.length > 0 ? (
        <PendingFiltersBar
          items={shown}
          nowMs={fiveSeconds}
          filters={filters}
          onChange={setFilters}
          searchRef={searchRef}
          onHelp={() => {
            setHelping(true)
          }}
        />
      ) : null}
      {problem ? (
        <ErrorState
          text={problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? <PendingSkeleton label={t('common.loading')} /> : null}
      {query.data ? (
        <ul
          aria-label={t('sg.pending.list')}
          className="flex flex-col gap-4"
          onFocus={(event) => {
            setSelected(event.target.closest<HTMLElement>('article')?.dataset.approval ?? null)
          }}
          onBlur={() => {
            setSelected(null)
          }}
        >
          {rows.map((row) => (
            <li key={row.id}>
              {row.approval ? (
                <ApprovalCard
                  approval={row.approval}
                  title={titleOf(row.approval)}
                  selected={selected === row.id}
                  settling={settling}
                />
              ) : (
                <DepartureNotice departure={row.departure} />
              )}
            </li>
          ))}
        </ul>
      ) : null}
      {query.data && cards.length === 0 ? (
        shown.length > 0 ? (
          <EmptyState
            illustration={<NoMatchIllustration />}
            title={t('sg.pending.no_match')}
            text={t('sg.pending.no_match_text')}
            action={
              <Button
                onClick={() => {
                  setFilters(noFilters)
                }}
              >
                {t('common.clear_filters')}
              </Button>
            }
          />
        ) : (
          <EmptyState
            title={t('sg.pending.empty')}
            text={items.length > 0 ? t('sg.pending.only_postponed') : t('sg.pending.empty_text')}
          />
        )
      ) : null}
      {helping ? (
        <HelpDialog
          onClose={() => {
            setHelping(false)
          }}
        />
      ) : null}
    </>
  )
}

function PendingSkeleton({ label }: { label: string }) {
  return (
    <div role="status" className="flex flex-col gap-4">
      <span className="sr-only">{label}</span>
      {[0, 1].map((each) => (
        <div
          key={each}
          className="border-line bg-surface flex flex-col gap-4 rounded-xl border p-5"
        >
          <Skeleton className="h-5 w-56" />
          <Skeleton className="h-6 w-80 max-w-full" />
          <div className="grid gap-4 md:grid-cols-2">
            <Skeleton className="h-24" />
            <Skeleton className="h-24" />
          </div>
          <Skeleton className="h-11 w-72 max-w-full" />
        </div>
      ))}
    </div>
  )
}
