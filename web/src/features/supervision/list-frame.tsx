// What every list of SUPERVISION has: its period, filters, export, states, and the next page.
import { useEffect, useState, type ReactNode } from 'react'
import { useQueryClient, type QueryKey } from '@tanstack/react-query'
import { ArrowUp, Download } from 'lucide-react'
import type { LiveFrame } from '@/api/live-feed'
import { describeError } from '@/api/problem'
import { exportHref, type ExportedList } from '@/api/supervision'
import { onSupervisionFrames } from '@/api/supervision-live'
import { useT } from '@/lib/i18n'
import type { NamedRange, PeriodSearch } from '@/lib/period'
import { Button } from '@/ui/button'
import { LoadMore } from '@/ui/list-states'
import { Menu, MenuItem } from '@/ui/menu'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState, ErrorState, NoMatchIllustration, SkeletonRows } from '@/ui/states'
import { LiveState } from './live-state'
import { RangePicker } from './range-picker'

interface ListQuery {
  data: { pages: unknown[] } | undefined
  error: Error | null
  isPending: boolean
  hasNextPage: boolean
  isFetchingNextPage: boolean
  refetch: () => unknown
  fetchNextPage: () => unknown
}

interface ListFrameProps {
  title: string
  /** `otherwise` is `null` where no range means all times. Left out: a list without a period. */
  period?: {
    search: PeriodSearch
    otherwise: NamedRange | null
    onChange: (next: PeriodSearch) => void
  }
  filters?: ReactNode
  isFiltered: boolean
  onClear: () => void
  exported?: { list: ExportedList; filters: object }
  query: ListQuery
  queryKey: QueryKey
  /** Whether a frame may bring something into the list. */
  concerns: (frame: LiveFrame) => boolean
  empty: string
  count: number
  children: ReactNode
}

export function ListFrame(props: ListFrameProps) {
  const { title, period, exported, query, count, children } = props
  const { t } = useT()
  const problem = query.error ? describeError(query.error, t) : null
  const isAllTimes =
    period?.otherwise == null && period?.search.range == null && period?.search.from == null
  const emptyText = props.isFiltered
    ? 'sv.list.no_match'
    : isAllTimes
      ? 'sv.list.nothing_yet'
      : 'sv.list.empty'
  return (
    <>
      <PageHeader
        title={title}
        aside={
          <div className="flex w-full flex-wrap items-start gap-3 sm:w-auto">
            {period ? <RangePicker {...period} /> : null}
            {exported ? <Export {...exported} /> : null}
          </div>
        }
      />
      <LiveState className="-mt-3 mb-4" />
      {props.filters}
      {problem ? (
        <ErrorState
          className="mb-4"
          text={problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      <ListNews query={query} queryKey={props.queryKey} concerns={props.concerns} />
      {query.isPending && !problem ? (
        <Card>
          <SkeletonRows label={t('common.loading')} rows={8} />
        </Card>
      ) : null}
      {query.data && count === 0 ? (
        <EmptyState
          illustration={props.isFiltered ? <NoMatchIllustration /> : undefined}
          title={props.empty}
          text={t(emptyText)}
          action={
            props.isFiltered ? (
              <Button onClick={props.onClear}>{t('common.clear_filters')}</Button>
            ) : null
          }
        />
      ) : null}
      {count > 0 ? (
        <>
          <Card>{children}</Card>
          <LoadMore query={query} />
          {query.hasNextPage ? null : (
            <p className="text-faint mt-4 text-center text-sm">{t('sv.list.end')}</p>
          )}
        </>
      ) : null}
    </>
  )
}

function Export({ list, filters }: { list: ExportedList; filters: object }) {
  const { t } = useT()
  return (
    <Menu
      trigger={
        <Button className="max-sm:w-full">
          <Download className="size-4" aria-hidden="true" />
          {t('sv.export')}
        </Button>
      }
    >
      {(['csv', 'xlsx'] as const).map((format) => (
        <MenuItem key={format} asChild>
          <a href={exportHref(list, filters, format)} download={`greffe-${list}.${format}`}>
            {t(`sv.export.${format}`)}
          </a>
        </MenuItem>
      ))}
    </Menu>
  )
}

/**
 * One page is kept fresh by itself. Who reads further down is not disturbed: what is new is
 * offered, and starts the list anew, so that it never grows by itself.
 */
function ListNews({
  query,
  queryKey,
  concerns,
}: Pick<ListFrameProps, 'query' | 'queryKey' | 'concerns'>) {
  const { t } = useT()
  const client = useQueryClient()
  const [isNew, setNew] = useState(false)
  const isLong = (query.data?.pages.length ?? 0) > 1
  useEffect(
    () =>
      onSupervisionFrames((frames) => {
        if (isLong && frames.some(concerns)) setNew(true)
      }),
    [isLong, concerns],
  )
  return (
    <div role="status">
      {isNew && isLong ? (
        <div className="pointer-events-none sticky top-16 z-10 mb-2 flex justify-center">
          <Button
            size="sm"
            variant="primary"
            className="shadow-pop pointer-events-auto rounded-full"
            onClick={() => {
              setNew(false)
              window.scrollTo({ top: 0 })
              void client.resetQueries({ queryKey, exact: true })
            }}
          >
            <ArrowUp className="size-4" aria-hidden="true" />
            {t('sv.list.news')}
          </Button>
        </div>
      ) : null}
    </div>
  )
}
