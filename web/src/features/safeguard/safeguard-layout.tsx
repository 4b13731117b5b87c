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
        <div className="mx-auto flex max-w-6xl gap-1 overflow-x-auto px-2 [scrollbar-width:none] sm:px-4">
          {tabs.map(([to, label]) => (
            <Link
              key={to}
              to={to}
              className="text-soft hover:text-ink data-[status=active]:text-accent data-[status=active]:border-accent flex h-12 shrink-0 items-center border-b-2 border-transparent px-3 text-base font-medium -outline-offset-2"
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
