import { useSupervisionFeed } from '@/api/supervision-live'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { parisTimeSeconds } from '@/lib/paris'

/** Whether what is shown moves by itself, and as of when it is. */
export function LiveState({ asOf, className }: { asOf?: string; className?: string }) {
  const { t, language } = useT()
  const status = useSupervisionFeed((s) => s.status)
  const live = status === 'live'
  const text =
    status === 'live'
      ? t('sv.live')
      : status === 'degraded'
        ? t('sv.live.polling')
        : status === 'offline'
          ? t('sv.live.offline')
          : status === 'reconnecting'
            ? t('sv.live.reconnecting')
            : t('sv.live.connecting')
  return (
    <p
      data-feed={status}
      className={cn('text-soft flex flex-wrap items-center gap-x-2 text-sm', className)}
    >
      <span
        aria-hidden="true"
        className={cn(
          'size-2.5 rounded-full',
          live ? 'bg-green-bar' : 'border-yellow-bar border-2 bg-transparent',
        )}
      />
      <span role="status" className={live ? undefined : 'text-ink font-medium'}>
        {text}
      </span>
      {asOf ? (
        <span className="tabular-nums">
          · {t('sv.as_of')} <time dateTime={asOf}>{parisTimeSeconds(asOf, language)}</time>
        </span>
      ) : null}
    </p>
  )
}
