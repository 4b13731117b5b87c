import type { Translate } from '@/lib/i18n'
import { useServerTime } from '@/lib/use-clock'

const PRECISE_MINUTES = 6 * 60

/** "45 min", "1 h 25", "9 h", "3 j": how long something has been so. Below a minute: "1 min". */
export function lengthText(seconds: number, t: Translate): string {
  const minutes = Math.max(1, Math.round(seconds / 60))
  if (minutes < 60) return t('sv.length.minutes', { n: minutes })
  if (minutes < PRECISE_MINUTES && minutes % 60 > 0) {
    const m = String(minutes % 60).padStart(2, '0')
    return t('sv.length.hours_minutes', { h: Math.floor(minutes / 60), m })
  }
  const hours = Math.round(minutes / 60)
  return hours < 48
    ? t('sv.length.hours', { n: hours })
    : t('sv.length.days', { n: Math.round(hours / 24) })
}

/** The server's time, to the minute: what says "for 12 min" is painted once a minute. */
export function useMinute(): number {
  return useServerTime((now) => Math.floor(now / 60_000)) * 60_000
}

export const secondsBetween = (from: string, to: number) =>
  Math.max(0, (to - Date.parse(from)) / 1000)
