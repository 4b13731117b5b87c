import { useQuery } from '@tanstack/react-query'
import { describeError } from '@/api/problem'
import { healthQuery } from '@/api/supervision'
import type { Component, HealthChange } from '@/api/supervision-types'
import { formatLatency } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import { useTitle } from '@/lib/use-title'
import { ListStates } from '@/ui/list-states'
import { PageHeader } from '@/ui/page'
import { VisibleText } from '@/ui/visible-text'
import { lengthText, secondsBetween, useMinute } from './ago'
import { useComponentName } from './health-strip'
import { HealthMark } from './labels'
import { LiveState } from './live-state'
import { Nothing, Panel } from './panel'

export function HealthPage() {
  const { t } = useT()
  const query = useQuery(healthQuery)
  useTitle(`${t('sv.health')} · SUPERVISION`)
  return (
    <>
      <PageHeader title={t('sv.health')} intro={t('sv.health.intro')} />
      <LiveState className="-mt-3 mb-4" />
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={null}
      >
        {query.data ? (
          <div className="flex flex-col gap-4">
            <Panel title={t('sv.health.components')} flush>
              <ul aria-label={t('sv.health.components')}>
                {query.data.components.map((each) => (
                  <ComponentRow key={each.component} component={each} />
                ))}
              </ul>
            </Panel>
            <Panel title={t('sv.health.changes')} flush>
              {query.data.changes.length === 0 ? (
                <Nothing>{t('sv.health.no_change')}</Nothing>
              ) : (
                <ol aria-label={t('sv.health.changes')}>
                  {query.data.changes.map((each) => (
                    <ChangeRow key={each.position} change={each} />
                  ))}
                </ol>
              )}
            </Panel>
          </div>
        ) : null}
      </ListStates>
    </>
  )
}

const rowClass =
  'border-line flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-3 text-base last:border-0 sm:px-5'

function ComponentRow({ component: each }: { component: Component }) {
  const { t, language } = useT()
  const nameOf = useComponentName()
  const now = useMinute()
  return (
    <li className={rowClass}>
      <span className="min-w-32 font-medium">{nameOf(each.component)}</span>
      <span className="max-sm:ml-auto sm:min-w-24">
        <HealthMark status={each.status} />
      </span>
      <span className="text-soft min-w-0 flex-1 basis-48 text-sm">
        {each.is_configured ? null : t('sv.health.not_configured')}
        {each.since
          ? t('sv.health.since', { length: lengthText(secondsBetween(each.since, now), t) })
          : null}
        {each.latency_ms == null ? null : ` · ${formatLatency(each.latency_ms, language)}`}
        {each.detail ? (
          <>
            {' · '}
            <VisibleText text={each.detail} />
          </>
        ) : null}
      </span>
    </li>
  )
}

function ChangeRow({ change }: { change: HealthChange }) {
  const { language } = useT()
  const nameOf = useComponentName()
  return (
    <li className={rowClass}>
      <span className="min-w-32 font-medium">{nameOf(change.component)}</span>
      <span className="max-sm:ml-auto sm:min-w-24">
        <HealthMark status={change.status} />
      </span>
      <span className="text-soft min-w-0 flex-1 basis-48 text-sm">
        {change.detail ? <VisibleText text={change.detail} /> : null}
      </span>
      <time dateTime={change.occurred_at} className="text-soft text-sm tabular-nums">
        {parisDateTime(change.occurred_at, language)}
      </time>
    </li>
  )
}
