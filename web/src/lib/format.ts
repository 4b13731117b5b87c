// Dates and numbers through Intl, in the reader's language and time zone.
import type { Language } from './i18n'

const formats = new Map<string, Intl.DateTimeFormat>()

function dateFormat(language: Language, name: string, options: Intl.DateTimeFormatOptions) {
  const key = `${language}:${name}`
  let format = formats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', options)
    formats.set(key, format)
  }
  return format
}

export function formatTime(iso: string | number, language: Language) {
  return dateFormat(language, 'time', { hour: '2-digit', minute: '2-digit' }).format(new Date(iso))
}

export function formatTimeSeconds(iso: string | number, language: Language) {
  return dateFormat(language, 'seconds', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).format(new Date(iso))
}

export function formatDate(iso: string | number, language: Language) {
  return dateFormat(language, 'date', { day: 'numeric', month: 'short', year: 'numeric' }).format(
    new Date(iso),
  )
}

export function formatDateTime(iso: string | number, language: Language) {
  return dateFormat(language, 'datetime', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }).format(new Date(iso))
}

/** The day first, as everywhere; to the second, for records. */
export function formatDateTimeSeconds(iso: string | number, language: Language) {
  return `${formatDate(iso, language)}, ${formatTimeSeconds(iso, language)}`
}

export function formatPercent(share: number, language: Language) {
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(
    share,
  )
}

/** Whole seconds as "8 min 32 s", "1 h 05 min"; what rounds to nothing is "< 1 s". */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s === 0 && seconds > 0) return '< 1 s'
  if (s < 60) return `${s} s`
  const minutes = Math.floor(s / 60)
  if (minutes < 60) return `${minutes} min ${String(s % 60).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** How long an answer took: "163 ms", and never "0 ms". */
export function formatLatency(milliseconds: number, language: Language): string {
  const shown = milliseconds < 1 ? '< 1' : Math.round(milliseconds).toLocaleString(language)
  return `${shown}\u00A0ms`
}

/** "user:jean.dupont" and "service:support" lose their kind for display. */
export function actorName(actor: string): string {
  return actor.replace(/^(user|service|person):/, '')
}

/** "Marie Leroy" as "ML". */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean)
  return `${words[0]?.[0] ?? '?'}${words.length > 1 ? (words.at(-1)?.[0] ?? '') : ''}`
}

/** Local calendar day "2026-01-06" as the RFC 3339 instants that bound it. */
export function dayStart(day: string): string {
  return new Date(`${day}T00:00:00`).toISOString()
}

export function dayEnd(day: string): string {
  const end = new Date(`${day}T00:00:00`)
  end.setDate(end.getDate() + 1)
  return end.toISOString()
}

export function isoDay(date: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
