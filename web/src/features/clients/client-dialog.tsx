import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { clientsQuery, createClient, updateClient } from '@/api/clients'
import { describeError } from '@/api/problem'
import type { Client } from '@/api/types'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Input, Switch } from '@/ui/field'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'

export function ClientDialog({
  existing,
  onClose,
}: {
  existing: Client | null
  onClose: () => void
}) {
  const { t } = useT()
  const queries = useQueryClient()
  const [id, setId] = useState(existing?.id ?? '')
  const [name, setName] = useState(existing?.name ?? '')
  const [critical, setCritical] = useState(existing?.critical ?? false)
  const [tried, setTried] = useState(false)
  const save = useMutation({
    mutationFn: (key: string) => {
      const fields = { id: id.trim(), name: name.trim(), critical }
      return existing ? updateClient(fields, key) : createClient(fields, key)
    },
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: clientsQuery.queryKey })
      toast('success', t('common.saved'), name)
      onClose()
    },
  })
  const problem = save.error ? describeError(save.error, t) : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (id.trim() && name.trim()) save.mutate(uniqueId())
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={existing ? t('clients.edit', { name: existing.name }) : t('clients.add')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
        <Field label={t('clients.id')} error={tried && !id.trim() ? t('common.required') : null}>
          {(ids) => (
            <Input
              {...ids}
              required
              readOnly={existing !== null}
              className="font-mono"
              value={id}
              onChange={(event) => {
                setId(event.target.value)
              }}
            />
          )}
        </Field>
        <Field
          label={t('clients.name')}
          error={tried && !name.trim() ? t('common.required') : null}
        >
          {(ids) => (
            <Input
              {...ids}
              required
              value={name}
              onChange={(event) => {
                setName(event.target.value)
              }}
            />
          )}
        </Field>
        <div>
          <Switch label={t('clients.critical')} checked={critical} onChange={setCritical} />
          <p className="text-faint text-sm">{t('clients.critical_help')}</p>
        </div>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {existing ? t('common.save') : t('common.create')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
