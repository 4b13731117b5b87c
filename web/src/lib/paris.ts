// Days of SUPERVISION are days of Paris, wherever the browser is (also across changes of the clock).
import type { Language } from './i18n'

const ZONE = 'Europe/Paris'

const parts = new Intl.DateTimeFormat('en-GB', {
  timeZone: ZONE,
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** How far Paris is ahead of UTC at this instant, in milliseconds. */
function offsetAt(instant: number): number {
  const found = Object.fromEntries(parts.formatToParts(instant).map((p) => [p.type, p.value]))
  const { year, month, day, hour, minute, second } = found
  const wall = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return wall - Math.floor(instant / 1000) * 1000
}

/** The instant at which a clock in Paris shows this date and time ("2026-03-29T14:30"). */
export function parisInstant(wall: string): number {
  const asUtc = Date.parse(`${wall.length === 10 ? `${wall}T00:00` : wall}Z`)
  // The offset of the guess may be that of the other side of a change of the clock: ask again.
  const guess = asUtc - offsetAt(asUtc)
  return asUtc - offsetAt(guess)
}

/** The calendar day in Paris: "2026-03-29". */
export function parisDay(instant: number | string): string {
  return parisWall(instant).slice(0, 10)
}

/** As a `datetime-local` control writes it: "2026-03-29T14:30". */
export function parisWall(instant: number | string): string {
  const ms = typeof instant === 'string' ? Date.parse(instant) : instant
  return new Date(ms + offsetAt(ms)).toISOString().slice(0, 16)
}

/** First instant of a day in Paris, RFC 3339. */
export function parisDayStart(day: string): string {
  return new Date(parisInstant(day)).toISOString()
}

/** First instant of the day after: what bounds a day from above. */
export function parisDayEnd(day: string): string {
  const next = new Date(Date.parse(`${day}T00:00Z`) + 86_400_000).toISOString().slice(0, 10)
  return parisDayStart(next)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function show(iso: string | number, language: Language, options: Intl.DateTimeFormatOptions) {
  const key = `${language}:${JSON.stringify(options)}`
  let format = formats.get(key)
  if (!format) {
    const locale = language === 'fr' ? 'fr-FR' : 'en-GB'
    format = new Intl.DateTimeFormat(locale, { timeZone: ZONE, ...options })
    formats.set(key, format)
  }
  return format.format(new Date(iso))
}

const TIME = { hour: '2-digit', minute: '2-digit' } as const
const DAY = { day: 'numeric', month: 'short' } as const

export const parisTime = (iso: string | number, language: Language) => show(iso, language, TIME)

export const parisTimeSeconds = (iso: string | number, language: Language) =>
  show(iso, language, { ...TIME, second: '2-digit' })

export const parisDate = (iso: string | number, language: Language) =>
  show(iso, language, { ...DAY, year: 'numeric' })

export const parisShortDate = (iso: string | number, language: Language) => show(iso, language, DAY)

export const parisDateTime = (iso: string | number, language: Language) =>
  show(iso, language, { ...DAY, ...TIME })

/** The time alone for what happened today in Paris; with its day otherwise. */
export function parisMoment(iso: string, language: Language, now: number): string {
  return parisDay(iso) === parisDay(now) ? parisTime(iso, language) : parisDateTime(iso, language)
}
