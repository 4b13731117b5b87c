import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronRight, Siren } from 'lucide-react'
import { describeError } from '@/api/problem'
import { historyQuery } from '@/api/safeguard'
import type { Approval } from '@/api/types'
import { useActorName } from '@/api/use-actor-name'
import { dayEnd, dayStart, formatDateTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState, ErrorState, NoMatchIllustration, SkeletonRows } from '@/ui/states'
import { VisibleText } from '@/ui/visible-text'
import { ActionLine } from './action-line'
import { subjectOf, useActionTitle } from '@/api/action-title'
import { brokeGlass } from './approval-timeline'
import { HistoryFilterBar } from './history-filters'
import { LevelBadge } from './level-badge'
import { StatusBadge } from './status-badge'

const route = getRouteApi('/app/safeguard/history')

export function HistoryPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  useTitle(`${t('sg.tab.history')} · ${t('sg.title')}`)
  const query = useInfiniteQuery(
    historyQuery({
      ...search,
      from: search.from && dayStart(search.from),
      to: search.to && dayEnd(search.to),
    }),
  )
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const problem = query.error ? describeError(query.error, t) : null
  const filtered = Object.values(search).some(Boolean)
  const clear = () => void navigate({ search: {}, replace: true })

  return (
    <>
      <PageHeader title={t('sg.history.heading')} />
      <HistoryFilterBar
        search={search}
        onChange={(next) => void navigate({ search: next, replace: true })}
        onClear={filtered ? clear : undefined}
      />
      {problem ? (
        <ErrorState
          className="mb-4"
          text={problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Card>
          <SkeletonRows label={t('common.loading')} rows={8} />
        </Card>
      ) : null}
      {query.data && items.length === 0 ? (
        <EmptyState
          illustration={filtered ? <NoMatchIllustration /> : undefined}
          title={t('sg.history.empty')}
          text={t('sg.history.empty_text')}
          action={filtered ? <Button onClick={clear}>{t('common.clear_filters')}</Button> : null}
        />
      ) : null}
      {items.length > 0 ? (
        <>
          <HistoryTable items={items} />
          <HistoryCards items={items} />
          <div className="mt-4 text-center">
            {query.hasNextPage ? (
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('common.load_more')}
              </Button>
            ) : (
              <p className="text-faint text-sm">{t('sg.history.end')}</p>
            )}
          </div>
        </>
      ) : null}
    </>
  )
}

function BreakGlassMark({ approval }: { approval: Approval }) {
  const { t } = useT()
  if (!brokeGlass(approval)) return null
  return (
    <span className="text-red inline-flex items-center gap-1 text-sm font-medium">
      <Siren className="size-4" aria-hidden="true" />
      {t('sg.decision.break_glass')}
    </span>
  )
}

function HistoryTable({ items }: { items: Approval[] }) {
  const { t, language } = useT()
  const nameOf = useActorName()
  const titleOf = useActionTitle()
  return (
    <Card className="hidden overflow-x-auto md:block">
      <table className="w-full text-left text-base">
        <caption className="sr-only">{t('sg.history.heading')}</caption>
        <thead className="text-faint border-line border-b text-sm">
          <tr>
            <th scope="col" className="py-2.5 pl-5 font-medium">
              {t('sg.history.reference')}
            </th>
            <th scope="col" className="px-4 py-2.5 font-medium">
              {t('sg.history.action')}
            </th>
            <th scope="col" className="px-4 py-2.5 font-medium">
              {t('sg.history.status')}
            </th>
            <th scope="col" className="px-4 py-2.5 font-medium">
              {t('sg.history.client')}
            </th>
            <th scope="col" className="px-4 py-2.5 font-medium">
              {t('sg.history.requested')}
            </th>
            <th scope="col" className="py-2.5 pr-5 font-medium">
              {t('sg.history.decided')}
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((each) => {
            const decider = each.decisions.at(-1)
            return (
              <tr
                key={each.id}
                className="border-line hover:bg-sunken/60 relative border-b last:border-0"
              >
                <td className="py-3 pl-5 align-top">
                  <Link
                    to="/safeguard/$id"
                    params={{ id: each.id }}
                    className="text-accent font-mono text-sm whitespace-nowrap underline-offset-4 after:absolute after:inset-0 hover:underline"
                  >
                    {each.reference}
                  </Link>
                </td>
                <td className="px-4 py-3 align-top">
                  <span className="font-medium">
                    <VisibleText text={titleOf(each)} />
                  </span>
                  <span className="text-soft block text-sm break-all">
                    <VisibleText text={subjectOf(each) ?? each.tool_name} strict />
                  </span>
                </td>
                <td className="px-4 py-3 align-top">
                  <span className="flex flex-col items-start gap-1">
                    <StatusBadge status={each.status} />
                    <BreakGlassMark approval={each} />
                  </span>
                </td>
                <td className="text-soft px-4 py-3 align-top">
                  <VisibleText text={each.context.client_name ?? '—'} />
                </td>
                <td className="text-soft px-4 py-3 align-top whitespace-nowrap tabular-nums">
                  <time dateTime={each.requested_at}>
                    {formatDateTime(each.requested_at, language)}
                  </time>
                </td>
                <td className="py-3 pr-5 align-top">
                  {decider ? (
                    <>
                      {nameOf(decider.by)}
                      <time dateTime={decider.at} className="text-soft block text-sm tabular-nums">
                        {formatDateTime(decider.at, language)}
                      </time>
                    </>
                  ) : (
                    '—'
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Card>
  )
}

function HistoryCards({ items }: { items: Approval[] }) {
  const { t, language } = useT()
  const titleOf = useActionTitle()
  return (
    <ul aria-label={t('sg.history.heading')} className="flex flex-col gap-2 md:hidden">
      {items.map((each) => (
        <li key={each.id}>
          <Link
            to="/safeguard/$id"
            params={{ id: each.id }}
            className="border-line bg-surface flex items-center gap-3 rounded-xl border p-4"
          >
            <span className="min-w-0 flex-1">
              <span className="mb-1.5 flex flex-wrap items-center gap-2">
                <StatusBadge status={each.status} />
                <LevelBadge level={each.security_level} />
                <BreakGlassMark approval={each} />
              </span>
              <span className="block font-medium break-words">
                <ActionLine title={titleOf(each)} subject={subjectOf(each)} />
              </span>
              <span className="text-soft block text-sm">
                <span className="font-mono">{each.reference}</span> ·{' '}
                {formatDateTime(each.requested_at, language)}
                {each.context.client_name ? (
                  <>
                    {' · '}
                    <VisibleText text={each.context.client_name} />
                  </>
                ) : null}
              </span>
            </span>
            <ChevronRight className="text-faint size-5 shrink-0" aria-hidden="true" />
          </Link>
        </li>
      ))}
    </ul>
  )
}
