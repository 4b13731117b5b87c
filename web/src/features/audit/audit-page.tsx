import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowUp, BookOpen, Download } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import { auditQuery, auditTailQuery, exportHref, mergeAudit } from '@/api/audit'
import { describeError } from '@/api/problem'
import { dayEnd, dayStart } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Switch } from '@/ui/field'
import { Menu, MenuItem } from '@/ui/menu'
import { Card, Page, PageHeader } from '@/ui/page'
import { EmptyState, ErrorState, NoMatchIllustration, SkeletonRows } from '@/ui/states'
import { AuditFilterBar } from './audit-filters'
import { AuditList } from './audit-list'

const route = getRouteApi('/app/audit/')
const READING_PX = 260

/** True while the reader has scrolled down: new entries must not move what he reads. */
function useReading() {
  const [reading, setReading] = useState(false)
  useEffect(() => {
    const onScroll = () => {
      setReading(window.scrollY > READING_PX)
    }
    window.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      window.removeEventListener('scroll', onScroll)
    }
  }, [])
  return reading
}

export function AuditPage() {
  const { t, tn } = useT()
  const client = useQueryClient()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [following, setFollowing] = useState(false)
  const reading = useReading()
  useTitle(t('audit.title'))

  const filters = useMemo(
    () => ({
      ...search,
      from: search.from && dayStart(search.from),
      to: search.to && dayEnd(search.to),
    }),
    [search],
  )
  const query = useInfiniteQuery(auditQuery(filters))
  const tail = useQuery(auditTailQuery(client, filters, following))
  const paged = query.data?.pages.flatMap((page) => page.items) ?? []
  const all = following && tail.data ? mergeAudit(tail.data, paged) : mergeAudit(paged)

  // What was at the top when the reader scrolled away stays at the top until he comes back.
  const newest = all[0]?.position ?? 0
  const [top, setTop] = useState(0)
  if (!reading && top !== newest) setTop(newest)
  const paused = following && reading
  const items = paused ? all.filter((each) => each.position <= top) : all
  const fresh = all.length - items.length

  const problem = query.error ?? tail.error
  const sentence = problem ? describeError(problem, t) : null
  const filtered = Object.values(search).some(Boolean)
  const clear = () => void navigate({ search: {}, replace: true })

  return (
    <Page>
      <PageHeader
        title={t('audit.title')}
        intro={t('audit.intro')}
        aside={
          <div className="flex flex-wrap items-center gap-3">
            <Link
              to="/events"
              className="text-accent inline-flex h-11 items-center gap-1.5 text-base font-medium underline-offset-4 hover:underline sm:h-10"
            >
              <BookOpen className="size-4" aria-hidden="true" />
              {t('events.see')}
            </Link>
            <Switch label={t('audit.live')} checked={following} onChange={setFollowing} />
            <Menu
              trigger={
                <Button>
                  <Download className="size-4" aria-hidden="true" />
                  {t('audit.export')}
                </Button>
              }
            >
              {(['csv', 'jsonl'] as const).map((format) => (
                <MenuItem key={format} asChild>
                  <a href={exportHref(filters, format)} download={`greffe-audit.${format}`}>
                    {t(`audit.export_${format}`)}
                  </a>
                </MenuItem>
              ))}
            </Menu>
          </div>
        }
      />
      <AuditFilterBar
        search={search}
        onChange={(next) => void navigate({ search: next, replace: true })}
        onClear={filtered ? clear : undefined}
      />
      {sentence ? (
        <ErrorState
          className="mb-4"
          text={sentence.text}
          trace={sentence.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      <div role="status">
        {paused ? (
          <div className="pointer-events-none sticky top-16 z-10 mb-2 flex justify-center">
            <Button
              size="sm"
              variant="primary"
              className="shadow-pop pointer-events-auto rounded-full"
              onClick={() => {
                window.scrollTo({ top: 0, behavior: 'smooth' })
              }}
            >
              <ArrowUp className="size-4" aria-hidden="true" />
              {fresh > 0 ? tn('audit.live_new', fresh) : t('audit.live_paused')}
            </Button>
          </div>
        ) : null}
      </div>
      {query.isPending ? (
        <Card>
          <SkeletonRows label={t('common.loading')} rows={10} />
        </Card>
      ) : null}
      {query.data && items.length === 0 ? (
        <EmptyState
          illustration={filtered ? <NoMatchIllustration /> : undefined}
          title={t('audit.empty')}
          text={t('audit.empty_text')}
          action={filtered ? <Button onClick={clear}>{t('common.clear_filters')}</Button> : null}
        />
      ) : null}
      {items.length > 0 ? (
        <>
          <AuditList items={items} />
          <div className="mt-4 text-center">
            {query.hasNextPage ? (
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('common.load_more')}
              </Button>
            ) : (
              <p className="text-faint text-sm">{t('audit.end')}</p>
            )}
          </div>
        </>
      ) : null}
    </Page>
  )
}
