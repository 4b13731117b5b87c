import { usePrefetchQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowRight, BellRing, BookOpen, ShieldCheck, TicketCheck } from 'lucide-react'
import { overviewQuery } from '@/api/supervision'
import type { Overview } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ActivityList } from './activity-list'
import { DashboardHeader } from './dashboard-header'
import { DashboardStates } from './dashboard-states'
import { Change, Figure, Figures } from './figure'
import { HealthStrip } from './health-strip'
import { Nothing, Panel } from './panel'
import { periodOf } from './period-of'
import { RightNow, rightNowQuery } from './right-now'

/** As long as what stands beside it; the list has it all. */
const ACTIVITY_SHOWN = 12

const route = getRouteApi('/app/supervision/overview')

export function OverviewPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: asked, link, scope } = periodOf(search, '24h')
  const query = useQuery(overviewQuery(asked))
  usePrefetchQuery(rightNowQuery)
  useTitle(`${t('sv.tab.overview')} · SUPERVISION`)
  return (
    <>
      <DashboardHeader
        title={t('sv.overview.heading')}
        asOf={query.data?.as_of}
        search={search}
        otherwise="24h"
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <DashboardStates query={query}>
        {(data) => (
          <>
            <OverviewFigures data={data} link={link} />
            <RightNow components={data.health} most={4} />
            <Panel title={t('sv.health')} more={{ to: '/supervision/sante' }}>
              <HealthStrip components={data.health} label={t('sv.health')} />
            </Panel>
            <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)]">
              <Panel title={t('sv.activity')} flush more={{ to: '/supervision/activite' }}>
                {data.activity.length === 0 ? (
                  <Nothing>{t('sv.activity.none')}</Nothing>
                ) : (
                  <ActivityList
                    items={data.activity.slice(0, ACTIVITY_SHOWN)}
                    scope={scope}
                    label={t('sv.activity')}
                  />
                )}
              </Panel>
              <Ways />
            </div>
          </>
        )}
      </DashboardStates>
    </>
  )
}

type PeriodLink = ReturnType<typeof periodOf>['link']

function OverviewFigures({ data, link }: { data: Overview; link: PeriodLink }) {
  const { t, tn, language } = useT()
  const { range } = data.period
  const { red, value } = data.pending_approvals
  const { added_today: added } = data.knowledge
  return (
    <Figures>
      <Figure
        label={t('sv.tickets')}
        value={data.tickets.value.toLocaleString(language)}
        note={<Change count={data.tickets} range={range} />}
        to={{ to: '/supervision/tickets', search: link }}
      />
      <Figure
        label={t('sv.alerts')}
        value={data.alerts.value.toLocaleString(language)}
        note={<Change count={data.alerts} range={range} />}
        to={{ to: '/supervision/alertes', search: link }}
      />
      <Figure
        label={t('sv.pending')}
        value={value.toLocaleString(language)}
        note={red > 0 ? tn('sv.pending.urgent', red) : t('sv.pending.none_urgent')}
        to={{ to: '/safeguard/pending' }}
      />
      <Figure
        label={t('sv.entries')}
        value={data.knowledge.entries.toLocaleString(language)}
        note={
          added > 0
            ? t('sv.entries.today', { n: added.toLocaleString(language) })
            : t('sv.entries.none_today')
        }
        to={{ to: '/supervision/enrichisseur' }}
      />
    </Figures>
  )
}

const ways = [
  ['/supervision/support', 'sv.tab.support', 'sv.way.support', TicketCheck],
  ['/supervision/sentinel', 'sv.tab.sentinel', 'sv.way.sentinel', BellRing],
  ['/supervision/enrichisseur', 'sv.tab.enrichisseur', 'sv.way.enrichisseur', BookOpen],
  ['/supervision/safeguard', 'sv.tab.safeguard', 'sv.way.safeguard', ShieldCheck],
] as const

function Ways() {
  const { t } = useT()
  return (
    <Panel title={t('sv.ways')} flush>
      <ul>
        {ways.map(([to, name, text, Icon]) => (
          <li key={to} className="border-line border-b last:border-0">
            <Link
              to={to}
              className="hover:bg-sunken/60 group flex items-center gap-3 px-4 py-3 sm:px-5"
            >
              <Icon className="text-accent size-5 shrink-0" aria-hidden="true" />
              <span className="min-w-0 flex-1">
                <span className="block text-base font-medium">{t(name)}</span>
                <span className="text-soft block text-sm">{t(text)}</span>
              </span>
              <ArrowRight
                className="text-faint size-4 transition-transform group-hover:translate-x-0.5"
                aria-hidden="true"
              />
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
