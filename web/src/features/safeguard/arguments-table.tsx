import { ScanEye } from 'lucide-react'
import { useT } from '@/lib/i18n'
import { hidesSomething } from '@/lib/reveal'
import { LongText, VisibleText } from '@/ui/visible-text'

/** Longer values say how much more there is; nothing is cut off in silence. */
const AT_FIRST = 1_000

/** As JSON: `"5"` is not `5`. */
function show(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? ''
}

/** Exactly what will be run, as JSON, with nothing that hides. */
export function ArgumentsTable({ args }: { args: Record<string, unknown> }) {
  const { t } = useT()
  const entries = Object.entries(args).map(([name, value]) => [name, show(value)] as const)
  if (entries.length === 0) return <p className="text-soft text-base">{t('sg.no_arguments')}</p>
  const deceptive = entries.some((each) => each.some((text) => hidesSomething(text, true)))
  return (
    <>
      <div className="border-line bg-sunken/60 rounded-lg border px-3 py-1">
        <table className="w-full border-collapse text-left">
          <caption className="sr-only">{t('sg.arguments')}</caption>
          <tbody>
            {entries.map(([name, value]) => (
              <tr key={name} className="border-line border-b last:border-0">
                <th
                  scope="row"
                  className="text-soft max-w-40 min-w-28 py-1.5 pr-4 align-top font-mono text-sm font-normal [overflow-wrap:anywhere] whitespace-pre-wrap"
                >
                  <VisibleText text={name} strict />
                </th>
                <td className="w-full py-1.5 align-top font-mono text-sm font-semibold [overflow-wrap:anywhere] whitespace-pre-wrap">
                  <LongText text={value} strict atFirst={AT_FIRST} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {deceptive ? (
        <p className="text-yellow mt-2 flex gap-1.5 text-sm font-medium">
          <ScanEye className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
          {t('sg.deceptive')}
        </p>
      ) : null}
    </>
  )
}
