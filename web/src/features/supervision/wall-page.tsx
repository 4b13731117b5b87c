// SUPERVISION on a screen on the wall: one dashboard after another, read from across the room.
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronLeft, ChevronRight, Maximize, Minimize, Pause, Play, X } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { parisTime } from '@/lib/paris'
import { useTitle } from '@/lib/use-title'
import { BrandMark } from '@/ui/brand'
import { useMinute } from './ago'
import { LiveState } from './live-state'
import { useSupervision } from './use-supervision'
import {
  useFullscreen,
  useReading,
  useStirring,
  useTurns,
  useWakeLock,
  useWallLook,
} from './use-wall'
import { wallPanels } from './wall-panels'
import { DEFAULT_EVERY_S, type Turn, type TurnAct } from './wall-turn'

const route = getRouteApi('/wall/supervision/mur')

export function WallPage() {
  const { t, language } = useT()
  const { every, theme } = route.useSearch()
  const everyMs = (every ?? DEFAULT_EVERY_S) * 1000
  const [state, act] = useTurns(wallPanels.length, everyMs)
  const now = useMinute()
  const shown = wallPanels[state.index]
  useSupervision()
  useWallLook(theme !== 'light')
  useWakeLock()
  useReading(state.index, act)
  useTitle(`${t('sv.wall')} · SUPERVISION`)
  if (!shown) return null
  const { title, Panel } = shown
  return (
    <main className="bg-paper wall:h-dvh wall:overflow-hidden flex min-h-dvh flex-col gap-3 overflow-x-clip p-3 sm:gap-4 sm:p-4">
      <header className="flex flex-wrap items-center gap-x-2 gap-y-1 sm:gap-x-4">
        <BrandMark className="size-7 sm:size-8" />
        <h1 className="font-serif text-lg font-semibold sm:text-xl">
          <span className="text-soft font-normal max-sm:sr-only">SUPERVISION · </span>
          {t(title)}
        </h1>
        <LiveState className="ml-auto" />
        <time
          dateTime={new Date(now).toISOString()}
          className="font-serif text-lg font-semibold tabular-nums sm:text-xl"
        >
          {parisTime(now, language)}
        </time>
      </header>
      <div
        className="wall:min-h-0 wall:overflow-hidden flex-1 sm:[&_dl_dd:nth-of-type(1)]:text-3xl sm:[&_dl_dd:nth-of-type(1)]:leading-tight"
        data-wall={title}
      >
        <Panel />
      </div>
      <Progress state={state} everyMs={everyMs} act={act} />
      <Controls state={state} act={act} />
    </main>
  )
}

interface TurnProps {
  state: Turn
  act: (next: TurnAct) => void
}

function Progress({ state, everyMs, act }: TurnProps & { everyMs: number }) {
  const { t } = useT()
  return (
    <nav
      aria-label={t('sv.sections')}
      className="bg-paper wall:static sticky bottom-0 -mx-1 wall:py-0 flex gap-2 px-1 py-2"
    >
      {wallPanels.map(({ title }, index) => {
        const isHere = index === state.index
        const share = isHere ? Math.min(1, state.elapsedMs / everyMs) : 0
        return (
          <button
            key={title}
            type="button"
            aria-current={isHere ? 'true' : undefined}
            onClick={() => {
              act({ type: 'go', index })
            }}
            className={cn(
              'flex min-h-11 min-w-0 flex-1 flex-col justify-center gap-1 rounded text-left text-xs sm:min-h-6 sm:justify-start',
              isHere ? 'text-ink font-semibold' : 'text-soft',
            )}
          >
            <span className="bg-line h-1 w-full overflow-hidden rounded-full">
              <span
                className="bg-accent block h-full rounded-full"
                style={{ width: `${share * 100}%` }}
              />
            </span>
            <span className="max-w-full truncate max-sm:sr-only">{t(title)}</span>
          </button>
        )
      })}
    </nav>
  )
}

function Controls({ state, act }: TurnProps) {
  const { t } = useT()
  const { isFull, toggle, isAllowed } = useFullscreen()
  const isShown = useStirring() || state.isPaused
  return (
    <div
      className={cn(
        'border-line bg-raised shadow-pop fixed right-4 bottom-12 z-10 flex rounded-xl border p-1 transition-opacity focus-within:opacity-100',
        isShown ? 'opacity-100' : 'opacity-0',
      )}
    >
      <Control
        label={t('sv.wall.previous')}
        onClick={() => {
          act({ type: 'previous' })
        }}
      >
        <ChevronLeft aria-hidden="true" />
      </Control>
      <Control
        label={t(state.isPaused ? 'sv.wall.play' : 'sv.wall.pause')}
        onClick={() => {
          act({ type: 'toggle' })
        }}
      >
        {state.isPaused ? <Play aria-hidden="true" /> : <Pause aria-hidden="true" />}
      </Control>
      <Control
        label={t('sv.wall.next')}
        onClick={() => {
          act({ type: 'next' })
        }}
      >
        <ChevronRight aria-hidden="true" />
      </Control>
      {isAllowed ? (
        <Control label={t(isFull ? 'sv.wall.window' : 'sv.wall.full')} onClick={toggle}>
          {isFull ? <Minimize aria-hidden="true" /> : <Maximize aria-hidden="true" />}
        </Control>
      ) : null}
      <Link
        to="/supervision/overview"
        aria-label={t('sv.wall.leave')}
        title={t('sv.wall.leave')}
        className={control}
      >
        <X aria-hidden="true" />
      </Link>
    </div>
  )
}

const control =
  'text-soft hover:bg-sunken hover:text-ink grid size-11 place-items-center rounded-lg [&_svg]:size-5'

function Control(props: { label: string; onClick: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={props.label}
      title={props.label}
      onClick={props.onClick}
      className={control}
    >
      {props.children}
    </button>
  )
}
