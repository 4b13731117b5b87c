import { useT } from '@/lib/i18n'

function show(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, null, 2) ?? ''
}

/** Exactly what will be run. Values are shown whole: nobody approves what was cut off. */
export function ArgumentsTable({ args }: { args: Record<string, unknown> }) {
  const { t } = useT()
  const entries = Object.entries(args)
  if (entries.length === 0) return <p className="text-soft text-base">{t('sg.no_arguments')}</p>
  return (
    <table className="w-full border-collapse text-left text-base">
      <caption className="sr-only">{t('sg.arguments')}</caption>
      <tbody>
        {entries.map(([name, value]) => (
          <tr key={name} className="border-line border-b last:border-0">
            <th
              scope="row"
              className="text-soft w-2/5 py-1.5 pr-3 align-top font-mono text-sm font-normal break-all"
            >
              {name}
            </th>
            <td className="py-1.5 align-top font-mono text-sm font-medium break-all whitespace-pre-wrap">
              {show(value)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
