import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { ChevronDown, Monitor } from 'lucide-react'
import { overviewQuery } from '@/api/supervision'
import { useT, type MessageKey } from '@/lib/i18n'
import { CountBubble } from '@/ui/count-bubble'
import { Menu, MenuItem, MenuSeparator } from '@/ui/menu'
import { Page } from '@/ui/page'
import { SupervisionNews } from './news'
import { useSupervision } from './use-supervision'

const dashboards = [
  ['/supervision/overview', 'sv.tab.overview'],
  ['/supervision/support', 'sv.tab.support'],
  ['/supervision/sentinel', 'sv.tab.sentinel'],
  ['/supervision/enrichisseur', 'sv.tab.enrichisseur'],
  ['/supervision/safeguard', 'sv.tab.safeguard'],
] as const
const others = [
  ['/supervision/rejets', 'sv.tab.rejected'],
  ['/supervision/maintenances', 'sv.tab.maintenance'],
] as const
const lists: Record<string, MessageKey> = {
  tickets: 'sv.tickets',
  alertes: 'sv.alerts',
  erreurs: 'sv.errors',
  runs: 'sv.runs',
  activite: 'sv.activity',
  sante: 'sv.health',
}

/** The dashboard whose numbers lead to the list. */
const homes: Record<string, string> = {
  tickets: '/supervision/support',
  erreurs: '/supervision/support',
  alertes: '/supervision/sentinel',
  runs: '/supervision/enrichisseur',
  activite: '/supervision/overview',
  sante: '/supervision/overview',
}

const useSection = () => useLocation({ select: ({ pathname }) => pathname.split('/')[2] ?? '' })

const tab =
  'data-[home=true]:text-accent data-[home=true]:border-accent text-soft hover:text-ink data-[status=active]:text-accent data-[status=active]:border-accent flex h-12 shrink-0 items-center gap-1.5 border-b-2 border-transparent px-2.5 text-base font-medium -outline-offset-2 whitespace-nowrap'

/** Facts that wait for somebody; unknown is none. */
function useRejectedCount() {
  const { data } = useQuery(overviewQuery({ range: '24h' }))
  return data?.rejected_facts ?? 0
}

export function SupervisionLayout() {
  const { t } = useT()
  const rejected = useRejectedCount()
  const home = homes[useSection()]
  useSupervision()
  return (
    <>
      <nav aria-label={t('sv.sections')} className="border-line bg-surface border-b">
        <div className="mx-auto hidden max-w-6xl items-center px-3.5 md:flex">
          {dashboards.map(([to, label]) => (
            <Link
              key={to}
              to={to}
              className={tab}
              data-home={home === to}
              aria-current={home === to ? 'true' : undefined}
            >
              {t(label)}
            </Link>
          ))}
          <span aria-hidden="true" className="bg-line mx-2 h-5 w-px" />
          {others.map(([to, label]) => (
            <Link key={to} to={to} className={tab}>
              {t(label)}
              {to.endsWith('rejets') ? <CountBubble count={rejected} /> : null}
            </Link>
          ))}
          <Link
            to="/supervision/mur"
            aria-label={t('sv.wall')}
            title={t('sv.wall')}
            className="text-soft hover:bg-sunken hover:text-ink ml-auto grid size-10 place-items-center rounded-lg"
          >
            <Monitor className="size-4.5" aria-hidden="true" />
          </Link>
        </div>
        <PhoneSections rejected={rejected} />
      </nav>
      <Page>
        <Outlet />
      </Page>
      <SupervisionNews />
    </>
  )
}

function PhoneSections({ rejected }: { rejected: number }) {
  const { t } = useT()
  const pathname = useLocation({ select: (location) => location.pathname })
  const all = [...dashboards, ...others]
  const here = all.find(([to]) => pathname.startsWith(to))
  const list = lists[useSection()]
  return (
    <div className="px-3 md:hidden">
      <Menu
        trigger={
          <button
            type="button"
            className="text-accent flex h-12 w-full items-center justify-between gap-2 px-1 text-base font-medium"
          >
            <span className="sr-only">{t('sv.sections')} : </span>
            <span className="flex-1 text-left">{t(here?.[1] ?? list ?? 'sv.tab.overview')}</span>
            <CountBubble count={rejected} />
            <ChevronDown className="size-4" aria-hidden="true" />
          </button>
        }
      >
        {dashboards.map(([to, label]) => (
          <MenuItem key={to} asChild>
            <Link to={to}>{t(label)}</Link>
          </MenuItem>
        ))}
        <MenuSeparator />
        {others.map(([to, label]) => (
          <MenuItem key={to} asChild>
            <Link to={to}>
              <span className="flex-1">{t(label)}</span>
              {to.endsWith('rejets') ? <CountBubble count={rejected} /> : null}
            </Link>
          </MenuItem>
        ))}
        <MenuItem asChild>
          <Link to="/supervision/mur">{t('sv.wall')}</Link>
        </MenuItem>
      </Menu>
    </div>
  )
}
