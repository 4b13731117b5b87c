import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleAlert, FileUp } from 'lucide-react'
import { useState } from 'react'
import { clientsQuery, importClients, type ClientImport } from '@/api/clients'
import { describeError } from '@/api/problem'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { ErrorState } from '@/ui/states'
import { VisibleText } from '@/ui/visible-text'
import { decode, faultOf, isCritical, previewCsv, type CsvRow } from './csv'

const MOST_BYTES = 1_000_000
const SHOWN = 50

interface Chosen {
  name: string
  text: string
  rows: CsvRow[]
  missing: string[]
}

export function ImportDialog({ onClose }: { onClose: () => void }) {
  const { t, tn } = useT()
  const queries = useQueryClient()
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const send = useMutation({
    mutationFn: importClients,
    onSuccess: () => queries.invalidateQueries({ queryKey: clientsQuery.queryKey }),
  })
  const choose = async (file: File | undefined) => {
    send.reset()
    setChosen(null)
    setFault(null)
    if (!file) return
    if (file.size > MOST_BYTES) {
      setFault(t('clients.import.too_large'))
      return
    }
    const text = await file.arrayBuffer().then(decode, () => null)
    if (text === null) {
      setFault(t('clients.import.unreadable'))
      return
    }
    const { rows, missing } = previewCsv(text)
    if (missing.length > 0) setFault(t('clients.import.missing', { names: missing.join(', ') }))
    else if (rows.length === 0) setFault(t('clients.import.no_rows'))
    else setChosen({ name: file.name, text, rows, missing })
  }
  const taken = chosen?.rows.filter((row) => faultOf(row) === null).length ?? 0
  const problem = send.error ? describeError(send.error, t).text : fault
  return (
    <Dialog
      open
      wide
      onOpenChange={onClose}
      title={t('clients.import')}
      description={t('clients.import.text')}
      closeLabel={t('common.close')}
    >
      <div className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem} /> : null}
        {send.data && chosen ? (
          <Report report={send.data} rows={chosen.rows} />
        ) : (
          <>
            <label className="border-line-strong bg-raised hover:border-accent focus-within:ring-focus flex cursor-pointer flex-col items-center gap-2 rounded-xl border border-dashed px-4 py-6 text-center focus-within:ring-2">
              <FileUp className="text-accent size-6" aria-hidden="true" />
              <span className="font-medium">{chosen?.name ?? t('clients.import.choose')}</span>
              <span className="text-faint font-mono text-sm">id;name;critical</span>
              <input
                type="file"
                accept=".csv,text/csv"
                className="sr-only"
                onChange={(event) => void choose(event.target.files?.[0])}
              />
            </label>
            {chosen ? <Preview rows={chosen.rows} /> : null}
          </>
        )}
        <DialogActions>
          <Button onClick={onClose}>{t(send.data ? 'common.close' : 'common.cancel')}</Button>
          {send.data ? null : (
            <Button
              variant="primary"
              aria-disabled={taken === 0}
              busy={send.isPending}
              onClick={() => {
                if (chosen) send.mutate(chosen.text)
              }}
            >
              {taken > 0 ? tn('clients.import.submit', taken) : t('clients.import.start')}
            </Button>
          )}
        </DialogActions>
      </div>
    </Dialog>
  )
}

function Preview({ rows }: { rows: CsvRow[] }) {
  const { t, tn } = useT()
  const faults = rows.filter((row) => faultOf(row) !== null).length
  return (
    <div>
      <p className="text-soft mb-2 text-sm">
        {tn('clients.import.rows', rows.length)}
        {faults > 0 ? (
          <span className="text-red font-medium"> · {tn('clients.import.faults', faults)}</span>
        ) : null}
      </p>
      <div
        // Scrolls: reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        className="border-line max-h-64 overflow-auto rounded-lg border"
      >
        <table className="w-full text-left text-sm">
          <caption className="sr-only">{t('clients.import.preview')}</caption>
          <thead className="bg-raised text-faint sticky top-0">
            <tr>
              <th scope="col" className="px-3 py-2 font-medium">
                {t('clients.import.line')}
              </th>
              <th scope="col" className="px-3 py-2 font-medium">
                {t('clients.id')}
              </th>
              <th scope="col" className="px-3 py-2 font-medium">
                {t('clients.name')}
              </th>
              <th scope="col" className="px-3 py-2 font-medium">
                {t('clients.critical')}
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, SHOWN).map((row, i) => {
              const fault = faultOf(row)
              return (
                <tr key={i} className="border-line border-t">
                  <td className="text-faint px-3 py-1.5 tabular-nums">{i + 1}</td>
                  <td className="px-3 py-1.5 font-mono">
                    <VisibleText text={row.id} />
                  </td>
                  <td className="px-3 py-1.5">
                    <VisibleText text={row.name} />
                  </td>
                  <td className="px-3 py-1.5">
                    {fault ? (
                      <span className="text-red flex items-center gap-1 font-medium">
                        <CircleAlert className="size-4 shrink-0" aria-hidden="true" />
                        {t(`clients.import.fault.${fault}`)}
                      </span>
                    ) : (
                      t(isCritical(row) ? 'common.yes' : 'common.no')
                    )}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
      {rows.length > SHOWN ? (
        <p className="text-faint mt-1 text-sm">
          {t('clients.import.more', { n: rows.length - SHOWN })}
        </p>
      ) : null}
    </div>
  )
}

function Report({ report, rows }: { report: ClientImport; rows: CsvRow[] }) {
  const { t } = useT()
  const counts = [
    ['registered', report.registered],
    ['changed', report.changed],
    ['unchanged', report.unchanged],
    ['refused', report.refused.length],
  ] as const
  return (
    <div role="status" className="flex flex-col gap-4">
      <dl className="grid grid-cols-2 gap-2 sm:grid-cols-4">
        {counts.map(([name, count]) => (
          <div key={name} className="border-line bg-raised rounded-lg border p-3">
            <dt className="text-soft text-sm">{t(`clients.import.${name}`)}</dt>
            <dd
              className={`text-xl font-semibold tabular-nums ${name === 'refused' && count > 0 ? 'text-red' : ''}`}
            >
              {count}
            </dd>
          </div>
        ))}
      </dl>
      {report.refused.length > 0 ? (
        <ul
          aria-label={t('clients.import.refused')}
          className="border-line divide-line max-h-56 divide-y overflow-y-auto rounded-lg border"
        >
          {report.refused.map((refused) => {
            const row = rows[refused.row - 1]
            const fault = row ? faultOf(row) : null
            return (
              <li key={refused.row} className="px-3 py-2 text-sm">
                <span className="font-medium">
                  {t('clients.import.line')} {refused.row}
                </span>{' '}
                {row ? <VisibleText text={[row.id, row.name].filter(Boolean).join(' · ')} /> : null}
                <span className="text-red block">
                  {fault ? t(`clients.import.fault.${fault}`) : refused.detail}
                </span>
              </li>
            )
          })}
        </ul>
      ) : null}
    </div>
  )
}
