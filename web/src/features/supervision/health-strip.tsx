import { Link } from '@tanstack/react-router'
import type { Component } from '@/api/supervision-types'
import { cn } from '@/lib/cn'
import { formatLatency } from '@/lib/format'
import { hasMessage, useT } from '@/lib/i18n'
import { healthLooks } from './labels'

/** What is not well stands out from across the room. */
const grounds = {
  green: 'border-line bg-raised',
  yellow: 'border-yellow-line bg-yellow-soft',
  red: 'border-red-line bg-red-soft',
  neutral: 'border-line bg-raised',
  accent: '',
  violet: '',
}

const inks = {
  green: 'text-green',
  yellow: 'text-yellow',
  red: 'text-red',
  neutral: 'text-faint',
  accent: '',
  violet: '',
}

export function useComponentName() {
  const { t } = useT()
  return (component: string) => {
    const key = `sv.component.${component}`
    return hasMessage(key) ? t(key) : component
  }
}

export function HealthStrip({ components, label }: { components: Component[]; label: string }) {
  const { t, language } = useT()
  const nameOf = useComponentName()
  return (
    <ul
      aria-label={label}
      className="grid grid-cols-2 gap-2 sm:grid-cols-3 lg:grid-cols-6 lg:gap-3"
    >
      {components.map((each) => {
        const { icon: Icon, tone } = healthLooks[each.status]
        return (
          <li
            key={each.component}
            className={cn(
              'hover:border-accent relative flex items-center gap-2.5 rounded-lg border px-3 py-2',
              grounds[tone],
            )}
          >
            <Icon className={cn('size-5 shrink-0', inks[tone])} aria-hidden="true" />
            <span className="min-w-0">
              <Link
                to="/supervision/sante"
                className="block truncate text-base font-medium after:absolute after:inset-0 after:rounded-lg"
              >
                {nameOf(each.component)}
              </Link>
              <span className="text-soft block text-sm">
                {each.is_configured ? t(`sv.health.${each.status}`) : t('sv.health.not_configured')}
                {each.latency_ms != null && each.status === 'ok'
                  ? ` · ${formatLatency(each.latency_ms, language)}`
                  : ''}
              </span>
            </span>
          </li>
        )
      })}
    </ul>
  )
}
