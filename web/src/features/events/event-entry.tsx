// One event: a line that opens to its subject, fields and example.
import { ChevronRight, Copy, LockKeyhole } from 'lucide-react'
import type { CatalogueEvent, CatalogueField } from '@/api/types'
import { hasMessage, useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { toast } from '@/ui/toasts'
import { eventTitle } from './search'

export function EventEntry({ event }: { event: CatalogueEvent }) {
  const { t, tn } = useT()
  const personal = event.fields.filter((field) => field.personal_of.length > 0).length
  return (
    <details className="group">
      <summary className="hover:bg-sunken/50 flex min-h-11 cursor-pointer list-none items-center gap-3 px-4 py-2.5 sm:px-5 [&::-webkit-details-marker]:hidden">
        <ChevronRight
          className="text-faint size-4 shrink-0 transition-transform group-open:rotate-90"
          aria-hidden="true"
        />
        <span className="min-w-0 flex-1">
          <span className="block font-medium">{eventTitle(event.type, t)}</span>
          <span className="text-faint block font-mono text-xs break-all">{event.type}</span>
        </span>
        {personal > 0 ? (
          <Badge tone="violet" className="shrink-0">
            <LockKeyhole aria-hidden="true" />
            <span className="max-sm:sr-only">{tn('events.personal_count', personal)}</span>
            <span className="sm:hidden" aria-hidden="true">
              {personal}
            </span>
          </Badge>
        ) : null}
      </summary>
      <div className="border-line flex flex-col gap-4 border-t px-4 py-4 sm:px-5">
        <p lang="en" className="text-base">
          {event.description}
        </p>
        <Subject event={event} />
        <Fields event={event} />
        <Example event={event} />
      </div>
    </details>
  )
}

function Subject({ event }: { event: CatalogueEvent }) {
  const { t } = useT()
  const { subject } = event
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(subject)
      toast('success', t('events.copied'))
    } catch {
      toast('error', t('events.copy_failed'))
    }
  }
  const actors = event.emitted_by.map((kind) => {
    const key = `events.by.${kind}`
    return hasMessage(key) ? t(key) : kind
  })
  return (
    <dl className="flex flex-wrap items-start gap-x-8 gap-y-3 text-base">
      <div className="min-w-0">
        <dt className="text-faint text-sm">{t('events.subject')}</dt>
        <dd className="flex items-center gap-1">
          <code className="min-w-0 font-mono text-sm break-all">{subject}</code>
          <Button
            variant="ghost"
            size="icon"
            aria-label={t('events.copy', { subject })}
            onClick={() => void copy()}
          >
            <Copy className="size-4" aria-hidden="true" />
          </Button>
        </dd>
      </div>
      <div>
        <dt className="text-faint text-sm">{t('events.emitted_by')}</dt>
        <dd className="flex min-h-11 items-center sm:min-h-10">{actors.join(', ')}</dd>
      </div>
      <div>
        <dt className="text-faint text-sm">{t('events.schema')}</dt>
        <dd className="flex min-h-11 items-center sm:min-h-10">
          {t('events.version', { version: event.schema_version })}
        </dd>
      </div>
    </dl>
  )
}

function Fields({ event }: { event: CatalogueEvent }) {
  const { t } = useT()
  return (
    <table className="w-full text-left text-sm max-sm:block">
      <caption className="sr-only">{t('events.fields', { type: event.type })}</caption>
      <thead className="text-faint border-line border-b max-sm:sr-only">
        <tr>
          <th scope="col" className="py-2 pr-4 font-medium">
            {t('events.field')}
          </th>
          <th scope="col" className="py-2 pr-4 font-medium">
            {t('events.kind')}
          </th>
          <th scope="col" className="py-2 font-medium">
            {t('events.meaning')}
          </th>
        </tr>
      </thead>
      <tbody className="max-sm:block">
        {event.fields.map((field) => (
          <FieldRow key={field.name} field={field} />
        ))}
      </tbody>
    </table>
  )
}

function FieldRow({ field }: { field: CatalogueField }) {
  const { t } = useT()
  const subjects = field.personal_of.map((kind) => {
    const key = `events.of.${kind}`
    return hasMessage(key) ? t(key) : kind
  })
  return (
    <tr className="border-line border-b last:border-0 max-sm:block max-sm:py-2">
      <th scope="row" className="pr-4 text-left align-top font-normal max-sm:block sm:py-2">
        <code className="font-mono text-sm font-medium break-all">{field.name}</code>
        {field.required ? null : (
          <span className="text-faint block text-xs max-sm:ml-2 max-sm:inline">
            {t('events.optional')}
          </span>
        )}
      </th>
      <td className="text-soft pr-4 align-top max-sm:block sm:py-2">
        {subjects.length > 0 ? (
          <>
            <Badge tone="violet">
              <LockKeyhole aria-hidden="true" />
              {t('events.personal')}
            </Badge>
            <span className="text-faint mt-1 block text-xs">
              {t('events.sealed_for', { subjects: subjects.join(', ') })}
            </span>
          </>
        ) : (
          <span className="break-words">{field.kind}</span>
        )}
      </td>
      <td lang="en" className="align-top break-words max-sm:block sm:py-2">
        {field.description}
      </td>
    </tr>
  )
}

function Example({ event }: { event: CatalogueEvent }) {
  const { t } = useT()
  return (
    <div>
      <p className="text-faint mb-1 text-sm">{t('events.example_title')}</p>
      {/* It scrolls sideways: the keyboard must be able to get there. */}
      <pre
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={t('events.example', { type: event.type })}
        className="border-line bg-sunken max-h-96 overflow-auto rounded-lg border p-3 font-mono text-xs leading-5"
      >
        {JSON.stringify(event.example, null, 2)}
      </pre>
    </div>
  )
}
