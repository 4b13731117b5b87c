import { CloudOff, Hourglass, RefreshCw, WifiOff } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useFeedState } from '@/api/live'
import { usePatience } from '@/api/patience'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'

function useSecondsUntil(at: number | null) {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (at === null) return
    const timer = setInterval(() => {
      setNow(Date.now())
    }, 500)
    return () => {
      clearInterval(timer)
    }
  }, [at])
  return at === null ? null : Math.max(0, Math.ceil((at - now) / 1000))
}

/** A blink of reconnection is not worth a banner. */
function useLasting(active: boolean, ms: number) {
  const [lasting, setLasting] = useState(false)
  useEffect(() => {
    const timer = setTimeout(
      () => {
        setLasting(active)
      },
      active ? ms : 0,
    )
    return () => {
      clearTimeout(timer)
    }
  }, [active, ms])
  return active && lasting
}

export function ConnectionChip() {
  const { t } = useT()
  const status = useFeedState((s) => s.status)
  if (status === 'idle') return null
  const live = status === 'live'
  const text = live
    ? t('shell.live')
    : status === 'degraded'
      ? t('shell.degraded_short')
      : t('shell.connecting')
  return (
    <span className="text-soft flex items-center gap-2 px-2 text-sm" data-connection={status}>
      <span className="relative flex size-2">
        {live ? (
          <span className="bg-green-bar absolute inset-0 animate-ping rounded-full opacity-40 [animation-duration:2.4s] motion-reduce:hidden" />
        ) : null}
        <span
          className={`relative size-2 rounded-full ${live ? 'bg-green-bar' : 'bg-yellow-bar'}`}
        />
      </span>
      <span className="sr-only sm:not-sr-only">{text}</span>
    </span>
  )
}

export function ConnectionBanner() {
  const { t } = useT()
  const { status, retryAt, retry } = useFeedState()
  const seconds = useSecondsUntil(retryAt)
  const lost = useLasting(status === 'reconnecting', 600)
  const offline = status === 'offline'
  const degraded = status === 'degraded'
  const shown = lost || offline || degraded
  const slowed = useLasting(usePatience((s) => s.until) !== null, 2_000)
  const Icon = offline ? WifiOff : degraded ? RefreshCw : CloudOff
  const text = offline
    ? t('shell.offline')
    : degraded
      ? t('shell.degraded')
      : seconds
        ? t('shell.reconnecting', { seconds })
        : t('shell.reconnecting_now')
  return (
    <div role="status">
      {slowed ? (
        <div className="border-line bg-sunken border-t">
          <p className="mx-auto flex max-w-6xl items-center gap-3 px-4 py-2 text-base sm:px-6">
            <Hourglass className="text-soft size-4 shrink-0" aria-hidden="true" />
            {t('shell.slowed')}
          </p>
        </div>
      ) : null}
      {shown ? (
        <div className="border-yellow-line bg-yellow-soft text-yellow border-t">
          <div className="mx-auto flex max-w-6xl items-center gap-3 px-4 py-2 text-base sm:px-6">
            <Icon className="size-4 shrink-0" aria-hidden="true" />
            <p className="min-w-0 flex-1 tabular-nums">{text}</p>
            <Button size="sm" onClick={retry}>
              {t('shell.retry_now')}
            </Button>
          </div>
        </div>
      ) : null}
    </div>
  )
}
