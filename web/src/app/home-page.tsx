import { Link } from '@tanstack/react-router'
import {
  ArrowRight,
  Activity,
  Bot,
  ScrollText,
  ServerCog,
  ShieldCheck,
  Users,
  type LucideIcon,
} from 'lucide-react'
import type { ReactNode } from 'react'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { atLeast, mayReadAudit } from '@/lib/levels'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { Page } from '@/ui/page'
import { usePendingCount } from './shell'

interface TileProps {
  name: string
  text: string
  icon: LucideIcon
  to?: '/safeguard' | '/supervision' | '/audit' | '/operations'
  badge?: ReactNode
}

function Tile({ name, text, icon: Icon, to, badge }: TileProps) {
  const { t } = useT()
  const inside = (
    <>
      <span className="flex items-start justify-between gap-3">
        <span
          className={`grid size-11 place-items-center rounded-xl ${to ? 'bg-accent text-on-accent' : 'bg-sunken text-faint'}`}
        >
          <Icon className="size-5" aria-hidden="true" />
        </span>
        {badge}
      </span>
      <span className="mt-5 block font-semibold tracking-wide">{name}</span>
      <span className="text-soft mt-1 block text-base">{text}</span>
      {to ? (
        <span className="text-accent mt-auto flex items-center gap-1.5 pt-4 text-base font-medium">
          {t('home.open')}
          <ArrowRight
            className="size-4 transition-transform group-hover:translate-x-0.5"
            aria-hidden="true"
          />
        </span>
      ) : null}
    </>
  )
  if (!to) {
    return (
      <div
        role="link"
        aria-disabled="true"
        className="border-line flex h-full flex-col rounded-2xl border border-dashed p-5"
      >
        {inside}
      </div>
    )
  }
  return (
    <Link
      to={to}
      className="group border-line bg-surface shadow-card hover:border-accent flex h-full flex-col rounded-2xl border p-5 transition-colors"
    >
      {inside}
    </Link>
  )
}

export function HomePage() {
  const { t, tn } = useT()
  const person = useSession()
  const pending = usePendingCount()
  useTitle(t('home.title'))
  const coming = <Badge>{t('home.coming')}</Badge>
  const waiting = pending > 0 ? <Badge tone="red">{tn('home.pending', pending)}</Badge> : null
  const n1 = atLeast(person, 'N1')
  return (
    <Page>
      <p className="text-soft text-md">
        {t('home.welcome', { name: person.display_name ?? person.username })}
      </p>
      <h1 className="mt-1 font-serif text-3xl leading-tight font-semibold tracking-tight">
        {t('home.title')}
      </h1>
      <ul className="mt-8 grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {n1 ? (
          <li>
            <Tile
              name="SAFEGUARD"
              text={t('home.safeguard')}
              icon={ShieldCheck}
              to="/safeguard"
              badge={waiting}
            />
          </li>
        ) : null}
        {mayReadAudit(person) ? (
          <li>
            <Tile name="AUDIT" text={t('home.audit')} icon={ScrollText} to="/audit" />
          </li>
        ) : null}
        <li>
          <Tile name="WIBOT" text={t('home.wibot')} icon={Bot} badge={coming} />
        </li>
        {atLeast(person, 'N3') ? (
          <li>
            <Tile
              name="SUPERVISION"
              text={t('home.supervision')}
              icon={Activity}
              to="/supervision"
            />
          </li>
        ) : null}
        {atLeast(person, 'N4') ? (
          <li>
            <Tile
              name={t('home.module.users')}
              text={t('home.users')}
              icon={Users}
              badge={coming}
            />
          </li>
        ) : null}
        {atLeast(person, 'N4') ? (
          <li>
            <Tile
              name={t('home.module.operations')}
              text={t('home.operations')}
              icon={ServerCog}
              to="/operations"
            />
          </li>
        ) : null}
      </ul>
    </Page>
  )
}
