import { formatDateTimeSeconds } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { VisibleText } from '@/ui/visible-text'
import { fieldLabel } from './labels'

/** All that an event says, field by field; each under its own name too, for who writes programs. */
export function Details({ data }: { data: Record<string, unknown> | null | undefined }) {
  const { t } = useT()
  const fields = Object.entries(data ?? {}).filter(([, value]) => value !== null)
  if (fields.length === 0) return null
  return (
    <details className="mt-1">
      <summary className="text-accent min-h-11 cursor-pointer py-3 text-sm sm:min-h-6 sm:py-0.5 w-fit">
        {t('audit.details')}
      </summary>
      <dl className="border-line bg-sunken mt-1 grid gap-x-4 rounded-lg border px-3 py-2 text-sm sm:grid-cols-[minmax(0,14rem)_minmax(0,1fr)]">
        {fields.map(([name, value]) => (
          <div key={name} className="py-1 sm:contents">
            <dt className="text-soft sm:py-1">
              {fieldLabel(name, t)}{' '}
              <span className="text-soft font-mono text-xs break-all">{name}</span>
            </dt>
            <dd className="min-w-0 break-words sm:py-1">
              <Value value={value} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

function Value({ value }: { value: unknown }) {
  const { t, language } = useT()
  if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no')
  if (typeof value === 'string' && MOMENT.test(value)) {
    return (
      <time dateTime={value} title={value}>
        {formatDateTimeSeconds(value, language)}
      </time>
    )
  }
  if (typeof value === 'string') return <VisibleText text={value} strict />
  if (typeof value === 'number') return <span className="font-mono">{value}</span>
  return (
    <span className="block font-mono text-xs break-all whitespace-pre-wrap">
      <VisibleText text={JSON.stringify(value, null, 2)} strict />
    </span>
  )
}
