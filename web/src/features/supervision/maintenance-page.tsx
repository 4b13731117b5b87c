import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { CalendarPlus } from 'lucide-react'
import { useState } from 'react'
import { describeError } from '@/api/problem'
import { cancelMaintenance, maintenanceQuery } from '@/api/sentinel'
import { supervisionKeys } from '@/api/supervision'
import type { Maintenance } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { ListStates, LoadMore } from '@/ui/list-states'
import { Card, PageHeader } from '@/ui/page'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'
import { LiveState } from './live-state'
import { MaintenanceList } from './maintenance-list'
import { PlanDialog } from './plan-dialog'
import { StillWrong } from './still-wrong'

export function MaintenancePage() {
  const { t } = useT()
  const query = useInfiniteQuery(maintenanceQuery())
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const [planning, setPlanning] = useState(false)
  const [cancelling, setCancelling] = useState<Maintenance | null>(null)
  useTitle(`${t('sv.tab.maintenance')} · SUPERVISION`)
  return (
    <>
      <PageHeader
        title={t('sv.maintenance.heading')}
        intro={t('sv.maintenance.intro')}
        aside={
          <Button
            variant="primary"
            onClick={() => {
              setPlanning(true)
            }}
          >
            <CalendarPlus className="size-4" aria-hidden="true" />
            {t('sv.maintenance.plan')}
          </Button>
        }
      />
      <LiveState className="-mt-3 mb-4" />
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={
          query.data && items.length === 0
            ? { title: t('sv.maintenance.none'), text: t('sv.maintenance.none_text') }
            : null
        }
      >
        {items.length > 0 ? (
          <>
            <Card>
              <MaintenanceList
                items={items}
                label={t('sv.maintenance.heading')}
                onCancel={setCancelling}
              />
            </Card>
            <LoadMore query={query} />
          </>
        ) : null}
      </ListStates>
      {planning ? (
        <PlanDialog
          onClose={() => {
            setPlanning(false)
          }}
        />
      ) : null}
      {cancelling ? (
        <CancelDialog
          maintenance={cancelling}
          onClose={() => {
            setCancelling(null)
          }}
        />
      ) : null}
    </>
  )
}

function CancelDialog({ maintenance, onClose }: { maintenance: Maintenance; onClose: () => void }) {
  const { t } = useT()
  const client = useQueryClient()
  const [intent] = useState(uniqueId)
  const cancel = useMutation({
    mutationFn: () => cancelMaintenance(maintenance.id, intent),
    onSuccess: () => {
      toast('success', t('sv.maintenance.cancelled_done'))
      onClose()
      void client.invalidateQueries({ queryKey: supervisionKeys.all })
    },
  })
  const problem = cancel.error ? describeError(cancel.error, t) : null
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sv.maintenance.cancel_title')}
      description={t('sv.maintenance.cancel_text')}
      closeLabel={t('common.close')}
    >
      {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
      {maintenance.status === 'running' ? <StillWrong maintenance={maintenance} /> : null}
      <DialogActions>
        <Button onClick={onClose}>{t('sv.maintenance.keep')}</Button>
        <Button
          variant="danger"
          busy={cancel.isPending}
          onClick={() => {
            cancel.mutate()
          }}
        >
          {t('sv.maintenance.cancel')}
        </Button>
      </DialogActions>
    </Dialog>
  )
}
