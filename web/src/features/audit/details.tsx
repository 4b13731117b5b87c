import { useT } from '@/lib/i18n'
import { VisibleText } from '@/ui/visible-text'

export function Details({ data }: { data: Record<string, unknown> | null | undefined }) {
  const { t } = useT()
  if (!data || Object.keys(data).length === 0) return null
  return (
    <details className="mt-1">
      <summary className="text-accent min-h-11 cursor-pointer py-3 text-sm sm:min-h-6 sm:py-0.5 w-fit">
        {t('audit.details')}
      </summary>
      <pre
        // Long lines scroll sideways: reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="border-line bg-sunken mt-1 max-h-80 overflow-auto rounded-lg border p-3 font-mono text-xs"
      >
        <VisibleText text={JSON.stringify(data, null, 2)} strict />
      </pre>
    </details>
  )
}
