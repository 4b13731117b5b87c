import { useQuery } from '@tanstack/react-query'
import { schemasQuery } from '@/api/intake'
import { useT } from '@/lib/i18n'

/** What a fact of this subject must look like, as the platform publishes it. */
export function FactSchema({ subject }: { subject: string }) {
  const { t } = useT()
  const { data } = useQuery(schemasQuery)
  // `intake.<service>.sentinel.alert`: schemas go by what follows the service.
  const name = subject.split('.').slice(2).join('.')
  const schema = data?.items.find((each) => each.subject === name)?.schema
  if (!schema) return null
  return (
    <details className="mt-4">
      <summary className="text-accent w-fit cursor-pointer py-3 text-base font-medium sm:py-1">
        {t('sv.rejected.schema')} <span className="font-mono text-sm">{name}</span>
      </summary>
      <pre
        // Long lines scroll sideways: reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="border-line bg-sunken mt-1 max-h-96 overflow-auto rounded-lg border p-3 font-mono text-xs"
      >
        {JSON.stringify(schema, null, 2)}
      </pre>
    </details>
  )
}
