import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { Menu as MenuIcon } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { pendingQuery } from '@/api/safeguard'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { atLeast, mayReadAudit } from '@/lib/levels'
import { SafeguardNews } from '@/features/safeguard/news'
import { useServerTime } from '@/lib/use-clock'
import { useTitleCount } from '@/lib/use-title'
import { BrandMark } from '@/ui/brand'
import { CountBubble } from '@/ui/count-bubble'
import { Menu, MenuItem } from '@/ui/menu'
import { Toaster } from '@/ui/toasts'
import { ConnectionBanner, ConnectionChip } from './connection'
import { useSessionRefresh } from './session-refresh'
import { useLive } from './use-live'
import { UserMenu } from './user-menu'

/** Requests waiting for me: those I postponed do not count until they wake. */
export function usePendingCount() {
  const person = useSession()
  const { data } = useQuery({ ...pendingQuery, enabled: atLeast(person, 'N1') })
  return useServerTime(
    (now) =>
      data?.items.filter((each) => !each.postponed_until || Date.parse(each.postponed_until) <= now)
        .length ?? 0,
  )
}

/** After a navigation the keyboard and the screen reader start at the new page's content. */
function useFocusOnNavigation() {
  const pathname = useLocation({ select: (location) => location.pathname })
  const before = useRef(pathname)
  useEffect(() => {
    if (before.current === pathname) return
    before.current = pathname
    document.getElementById('content')?.focus({ preventScroll: true })
  }, [pathname])
}

const navLink =
  'relative flex h-10 items-center gap-2 rounded-lg px-3 text-base font-medium text-soft hover:bg-sunken hover:text-ink data-[status=active]:text-accent data-[status=active]:after:absolute data-[status=active]:after:inset-x-3 data-[status=active]:after:-bottom-[9px] data-[status=active]:after:h-0.5 data-[status=active]:after:rounded-full data-[status=active]:after:bg-accent'

function Navigation({ pending }: { pending: number }) {
  const { t } = useT()
  const person = useSession()
  return (
    <nav aria-label={t('shell.nav')} className="hidden items-center gap-1 md:flex">
      <Link to="/" className={navLink} activeOptions={{ exact: true }}>
        {t('shell.home')}
      </Link>
      {atLeast(person, 'N1') ? (
        <Link to="/safeguard" className={navLink}>
          SAFEGUARD
          <CountBubble count={pending} />
        </Link>
      ) : null}
      {atLeast(person, 'N3') ? (
        <Link to="/supervision" className={navLink}>
          SUPERVISION
        </Link>
      ) : null}
      {mayReadAudit(person) ? (
        <Link to="/audit" className={navLink}>
          {t('shell.audit')}
        </Link>
      ) : null}
      {atLeast(person, 'N4') ? (
        <Link to="/operations" className={navLink}>
          {t('shell.operations')}
        </Link>
      ) : null}
    </nav>
  )
}

function PhoneNavigation({ pending }: { pending: number }) {
  const { t } = useT()
  const person = useSession()
  return (
    <div className="md:hidden">
      <Menu
        trigger={
          <button
            type="button"
            aria-label={t('shell.open_menu')}
            className="text-soft hover:bg-sunken relative grid size-11 place-items-center rounded-lg"
          >
            <MenuIcon className="size-5" aria-hidden="true" />
            {pending > 0 ? (
              <span
                aria-hidden="true"
                className="bg-red-bar absolute top-2 right-2 size-2 rounded-full"
              />
            ) : null}
          </button>
        }
      >
        <MenuItem asChild>
          <Link to="/">{t('shell.home')}</Link>
        </MenuItem>
        {atLeast(person, 'N1') ? (
          <MenuItem asChild>
            <Link to="/safeguard">
              <span className="flex-1">SAFEGUARD</span>
              <CountBubble count={pending} />
            </Link>
          </MenuItem>
        ) : null}
        {atLeast(person, 'N3') ? (
          <MenuItem asChild>
            <Link to="/supervision">SUPERVISION</Link>
          </MenuItem>
        ) : null}
        {mayReadAudit(person) ? (
          <MenuItem asChild>
            <Link to="/audit">{t('shell.audit')}</Link>
          </MenuItem>
        ) : null}
        {atLeast(person, 'N4') ? (
          <MenuItem asChild>
            <Link to="/operations">{t('shell.operations')}</Link>
          </MenuItem>
        ) : null}
      </Menu>
    </div>
  )
}

export function Shell() {
  const { t } = useT()
  const person = useSession()
  const pending = usePendingCount()
  useLive()
  useSessionRefresh()
  useFocusOnNavigation()
  useTitleCount(pending)
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#content"
        className="bg-accent text-on-accent sr-only z-50 rounded-lg px-4 py-2 focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
      >
        {t('shell.skip')}
      </a>
      <header className="border-line bg-surface/95 sticky top-0 z-30 border-b backdrop-blur-sm">
        <div className="mx-auto flex h-14 w-full max-w-6xl items-center gap-2 px-3 sm:px-6 md:gap-6">
          <PhoneNavigation pending={pending} />
          <Link to="/" className="flex h-11 items-center gap-2.5 rounded-lg" aria-label="Greffe">
            <BrandMark className="size-8" />
            <span className="font-serif text-lg font-semibold tracking-tight">Greffe</span>
          </Link>
          <Navigation pending={pending} />
          <div className="ml-auto flex items-center gap-1 sm:gap-2">
            <ConnectionChip />
            <UserMenu />
          </div>
        </div>
        <ConnectionBanner />
      </header>
      <main id="content" tabIndex={-1} className="flex-1 outline-none">
        <Outlet />
      </main>
      {atLeast(person, 'N1') ? <SafeguardNews /> : null}
      <Toaster closeLabel={t('common.close')} />
    </div>
  )
}
