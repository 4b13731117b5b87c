import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { Check, GitBranch, TriangleAlert, X } from 'lucide-react'
import { auditQuery } from '@/api/audit'
import { describeError } from '@/api/problem'
import type { AuditItem } from '@/api/types'
import { formatDateTimeSeconds } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ListStates, LoadMore } from '@/ui/list-states'
import { Card, Page, PageHeader } from '@/ui/page'
import { Quote } from '@/ui/quote'
import { Timeline, type TimelineStep } from '@/ui/timeline'
import { BackLink } from './back-link'
import { Details } from './details'
import { actionLabel, actorLabel, browserName, targetLabel } from './labels'
import { OutcomeBadge } from './outcome-badge'
import { UnreadableBadge } from './unreadable-badge'

const route = getRouteApi('/app/audit/$targetType/$targetId')

export function EntityPage() {
  const { t } = useT()
  const { targetType, targetId } = route.useParams()
  const query = useInfiniteQuery(auditQuery({ target_type: targetType, target_id: targetId }))
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const problem = query.error ? describeError(query.error, t) : null
  const title = t('audit.entity', { type: targetLabel(targetType, t) })
  useTitle(title)
  return (
    <Page className="max-w-3xl">
      <BackLink />
      <PageHeader
        title={title}
        aside={<p className="text-soft w-full font-mono text-sm break-all">{targetId}</p>}
      />
      <ListStates
        query={query}
        problem={problem}
        empty={
          query.data && items.length === 0
            ? { title: t('audit.empty'), text: t('audit.empty_text') }
            : null
        }
      >
        {items.length > 0 ? (
          <Card className="p-4 sm:p-6">
            <EntityTimeline items={items} label={title} />
            <LoadMore query={query} />
          </Card>
        ) : null}
      </ListStates>
    </Page>
  )
}

function EntityTimeline({ items, label }: { items: AuditItem[]; label: string }) {
  const { t, language } = useT()
  const steps = items.map((item): TimelineStep => {
    const icon = { accepted: Check, refused: X, failed: TriangleAlert }[item.outcome]
    const tone = ({ accepted: 'green', refused: 'neutral', failed: 'red' } as const)[item.outcome]
    const origin = [item.ip_address, item.user_agent && browserName(item.user_agent)]
    return {
      key: String(item.position),
      icon,
      tone,
      title: (
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-semibold">{actionLabel(item.action, t)}</span>
          <OutcomeBadge outcome={item.outcome} />
          <UnreadableBadge cause={item.unreadable} />
          <span className="text-faint font-mono text-xs break-all">{item.action}</span>
        </span>
      ),
      meta: (
        <>
          <span className="text-ink font-medium">{actorLabel(item.actor, t)}</span> ·{' '}
          <time dateTime={item.at}>{formatDateTimeSeconds(item.at, language)}</time>
          {origin.some(Boolean) ? ` · ${origin.filter(Boolean).join(' · ')}` : ''}
        </>
      ),
      body: (
        <>
          {item.reason ? (
            <p className="break-words">
              <Quote text={item.reason} />
            </p>
          ) : null}
          {item.correlation_id ? (
            <Link
              to="/audit/chain/$correlationId"
              params={{ correlationId: item.correlation_id }}
              className="text-accent inline-flex min-h-11 items-center sm:min-h-6 gap-1.5 text-sm underline-offset-4 hover:underline"
            >
              <GitBranch className="size-3.5" aria-hidden="true" />
              {t('audit.see_chain')}
            </Link>
          ) : null}
          <Details data={item.details} />
        </>
      ),
    }
  })
  return <Timeline steps={steps} label={label} />
}
