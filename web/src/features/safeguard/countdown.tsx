import { Clock, Hourglass, TriangleAlert } from 'lucide-react'
import type { Approval } from '@/api/types'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { useServerTime } from '@/lib/use-clock'
import { countdownText, tierOf, timeShare, type Tier } from './decision-rules'

export const tierIcon = { red: TriangleAlert, yellow: Hourglass, green: Clock }

export const tierText: Record<Tier, string> = {
  red: 'text-red',
  yellow: 'text-yellow',
  green: 'text-green',
}

const tierBar: Record<Tier, string> = {
  red: 'bg-red-bar',
  yellow: 'bg-yellow-bar',
  green: 'bg-green-bar',
}

export function useTier(approval: Approval): Tier {
  return useServerTime((now) => tierOf(approval.expires_at, now))
}

export function useExpired(approval: Approval): boolean {
  return useServerTime((now) => Date.parse(approval.expires_at) <= now)
}

export function Countdown({ approval, className }: { approval: Approval; className?: string }) {
  const { t } = useT()
  const tier = useTier(approval)
  const expired = useExpired(approval)
  const left = useServerTime((now) => countdownText(Date.parse(approval.expires_at) - now))
  const Icon = tierIcon[tier]
  return (
    <p className={cn('flex items-center gap-2 text-base font-semibold', tierText[tier], className)}>
      <Icon className="size-4.5 shrink-0" aria-hidden="true" />
      {expired ? (
        t('sg.expired_now')
      ) : (
        <>
          <span>{t(`sg.urgency.label.${tier}`)}</span>
          <span className="font-normal">
            <span className="max-sm:sr-only">
              <span aria-hidden="true">· </span>
              {t('sg.expires_in')}{' '}
            </span>
            <time
              dateTime={approval.expires_at}
              className="font-semibold tabular-nums"
              role="timer"
              aria-live="off"
            >
              {left}
            </time>
          </span>
        </>
      )}
    </p>
  )
}

/** Shrinks with the time left; the text beside it says the same. */
export function TimeBar({ approval }: { approval: Approval }) {
  const tier = useTier(approval)
  const permille = useServerTime((now) => Math.round(timeShare(approval, now) * 1000))
  return (
    <div aria-hidden="true" className="bg-line/60 h-1 overflow-hidden">
      <div
        className={cn(
          'time-bar h-full origin-left transition-transform duration-1000 ease-linear',
          tierBar[tier],
        )}
        style={{ transform: `scaleX(${permille / 1000})` }}
      />
    </div>
  )
}
