import { useQuery } from '@tanstack/react-query'
import { FileUp, HeartPulse, Pencil } from 'lucide-react'
import { useState } from 'react'
import { clientsQuery } from '@/api/clients'
import { describeError } from '@/api/problem'
import type { Client } from '@/api/types'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { atLeast } from '@/lib/levels'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { ListStates } from '@/ui/list-states'
import { Card } from '@/ui/page'
import { RegistryHeader } from '@/ui/registry-header'
import { ClientDialog } from './client-dialog'
import { ImportDialog } from './import-dialog'

export function ClientsPage() {
  const { t } = useT()
  const person = useSession()
  const query = useQuery(clientsQuery)
  const [filter, setFilter] = useState('')
  const [editing, setEditing] = useState<Client | 'new' | null>(null)
  const [importing, setImporting] = useState(false)
  const mayEdit = atLeast(person, 'N4')
  const problem = query.error ? describeError(query.error, t) : null
  const wanted = filter.trim().toLowerCase()
  const shown = query.data?.filter((each) =>
    `${each.id} ${each.name}`.toLowerCase().includes(wanted),
  )
  useTitle(t('clients.title'))
  return (
    <>
      <RegistryHeader
        title={t('clients.title')}
        intro={t('clients.intro')}
        mayEdit={mayEdit}
        addLabel={t('clients.add')}
        onAdd={() => {
          setEditing('new')
        }}
        actions={
          <Button
            onClick={() => {
              setImporting(true)
            }}
          >
            <FileUp className="size-4" aria-hidden="true" />
            {t('clients.import.button')}
          </Button>
        }
        filter={filter}
        onFilter={setFilter}
      />
      <ListStates
        query={query}
        problem={problem}
        empty={
          query.data?.length === 0
            ? { title: t('clients.empty'), text: t('clients.empty_text') }
            : null
        }
      >
        {query.data && query.data.length > 0 && shown?.length === 0 ? (
          <p className="text-soft py-8 text-center">{t('registry.no_match')}</p>
        ) : null}
        {shown && shown.length > 0 ? (
          <Card className="overflow-x-auto">
            <table className="w-full text-left text-base">
              <caption className="sr-only">{t('clients.title')}</caption>
              <thead className="text-faint border-line border-b text-sm">
                <tr>
                  <th scope="col" className="px-4 py-2.5 font-medium sm:px-5">
                    {t('clients.name')}
                  </th>
                  <th scope="col" className="px-4 py-2.5 font-medium max-sm:hidden">
                    {t('clients.id')}
                  </th>
                  <th scope="col" className="px-4 py-2.5 font-medium max-sm:hidden">
                    {t('clients.critical')}
                  </th>
                  {mayEdit ? (
                    <th scope="col" className="w-12">
                      <span className="sr-only">{t('common.edit')}</span>
                    </th>
                  ) : null}
                </tr>
              </thead>
              <tbody>
                {shown.map((each) => (
                  <tr key={each.id} className="border-line border-b last:border-0">
                    <th scope="row" className="px-4 py-3 font-medium break-words sm:px-5">
                      {each.name}
                      {/* A phone has room for the name: the rest stands under it. */}
                      <span className="mt-0.5 flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-normal sm:hidden">
                        <span className="text-soft font-mono break-all">{each.id}</span>
                        {each.critical ? <Critical /> : null}
                      </span>
                    </th>
                    <td className="text-soft px-4 py-3 font-mono text-sm max-sm:hidden">
                      {each.id}
                    </td>
                    <td className="px-4 py-3 max-sm:hidden">
                      {each.critical ? (
                        <Critical />
                      ) : (
                        <span className="text-soft">{t('clients.standard')}</span>
                      )}
                    </td>
                    {mayEdit ? (
                      <td className="pr-2 text-right sm:pr-4">
                        <Button
                          variant="ghost"
                          size="icon"
                          className="size-11"
                          aria-label={t('clients.edit', { name: each.name })}
                          onClick={() => {
                            setEditing(each)
                          }}
                        >
                          <Pencil className="size-4" aria-hidden="true" />
                        </Button>
                      </td>
                    ) : null}
                  </tr>
                ))}
              </tbody>
            </table>
          </Card>
        ) : null}
      </ListStates>
      {editing ? (
        <ClientDialog
          existing={editing === 'new' ? null : editing}
          onClose={() => {
            setEditing(null)
          }}
        />
      ) : null}
      {importing ? (
        <ImportDialog
          onClose={() => {
            setImporting(false)
          }}
        />
      ) : null}
    </>
  )
}

function Critical() {
  const { t } = useT()
  return (
    <Badge tone="red">
      <HeartPulse aria-hidden="true" />
      {t('clients.critical')}
    </Badge>
  )
}
