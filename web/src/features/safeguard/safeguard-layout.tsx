import { Link, Outlet } from '@tanstack/react-router'
import { Page } from '@/ui/page'
import { useT } from '@/lib/i18n'
import { DecisionDialogs } from './decision-dialogs'

const tabs = [
  ['/safeguard/pending', 'sg.tab.pending'],
  ['/safeguard/history', 'sg.tab.history'],
  ['/safeguard/statistics', 'sg.tab.statistics'],
  ['/safeguard/tools', 'sg.tab.tools'],
  ['/safeguard/clients', 'sg.tab.clients'],
] as const

export function SafeguardLayout() {
  const { t } = useT()
  return (
    <>
      <nav aria-label={t('sg.sections')} className="border-line bg-surface border-b">
        <div className="mx-auto flex max-w-6xl justify-between gap-0.5 overflow-x-auto px-1.5 sm:justify-start sm:gap-1 sm:overflow-x-auto [scrollbar-width:none] sm:px-4">
          {tabs.map(([to, label]) => (
            <Link
              key={to}
              to={to}
              className="text-soft hover:text-ink data-[status=active]:text-accent data-[status=active]:border-accent flex h-12 shrink-0 items-center border-b-2 border-transparent px-2 text-sm font-medium -outline-offset-2 sm:px-3 sm:text-base"
            >
              {t(label)}
            </Link>
          ))}
        </div>
      </nav>
      <Page>
        <Outlet />
      </Page>
      <DecisionDialogs />
    </>
  )
}
