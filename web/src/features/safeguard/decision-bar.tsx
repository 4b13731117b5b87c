import { Ban, Check, Clock3, MessageSquarePlus, X } from 'lucide-react'
import { useId, useState } from 'react'
import type { Approval } from '@/api/types'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Field, Textarea } from '@/ui/field'
import { useExpired } from './countdown'
import { isOwnRequest, mayCancel, whyNot } from './decision-rules'
import { openDialog, setDraft, useDecisions } from './decision-store'
import { useDecide } from './use-decide'

interface DecisionBarProps {
  approval: Approval
  /** The list has just moved: a press now may hit the wrong card. */
  settling?: boolean
  /** The page has a place of its own for withdrawing. */
  detailed?: boolean
}

/** Approve is one press, save for L4, which asks once more. */
export function useApprove() {
  const decide = useDecide()
  return (approval: Approval) => {
    if (approval.security_level === 'L4') openDialog('confirm', approval)
    else decide(approval, 'approve', useDecisions.getState().drafts[approval.id]?.comment)
  }
}

export function DecisionBar({ approval, settling, detailed }: DecisionBarProps) {
  const { t } = useT()
  const person = useSession()
  const approve = useApprove()
  const expired = useExpired(approval)
  const sending = useDecisions((s) => s.sending[approval.id])
  const draft = useDecisions((s) => s.drafts[approval.id]?.comment ?? '')
  const [commenting, setCommenting] = useState(draft !== '')
  const reason = whyNot(approval, person, expired)
  const reasonId = useId()
  const blocked = reason !== null
  const busy = settling === true || sending !== undefined
  const mayReject = whyNot(approval, person, expired, 'reject') === null
  const mayPostpone = whyNot(approval, person, expired, 'postpone') === null
  const described = blocked ? reasonId : undefined

  return (
    <div className="flex flex-col gap-3">
      {commenting && !blocked ? (
        <Field label={`${t('sg.comment')} (${t('common.optional')})`}>
          {(ids) => (
            <Textarea
              {...ids}
              rows={2}
              maxLength={2000}
              placeholder={t('sg.comment_placeholder')}
              value={draft}
              onChange={(event) => {
                setDraft(approval.id, { comment: event.target.value })
              }}
            />
          )}
        </Field>
      ) : null}
      {reason ? (
        <p id={reasonId} className="text-soft text-base">
          {t(`sg.why_not.${reason}`)}
        </p>
      ) : null}
      <div className="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center">
        <Button
          variant="primary"
          size="lg"
          className="col-span-2 sm:h-11 sm:min-w-36"
          busy={sending === 'approve'}
          aria-disabled={blocked || busy}
          aria-describedby={described}
          aria-keyshortcuts="A"
          onClick={() => {
            approve(approval)
          }}
        >
          {sending === 'approve' ? null : <Check className="size-5" aria-hidden="true" />}
          {sending === 'approve' ? t('sg.approving') : t('sg.approve')}
        </Button>
        <Button
          variant="danger-outline"
          size="lg"
          className="sm:h-11"
          busy={sending === 'reject'}
          aria-disabled={!mayReject || busy}
          aria-describedby={mayReject ? undefined : described}
          aria-keyshortcuts="R"
          onClick={() => {
            openDialog('reject', approval)
          }}
        >
          {sending === 'reject' ? null : <X className="size-5" aria-hidden="true" />}
          {sending === 'reject' ? t('sg.rejecting') : t('sg.reject')}
        </Button>
        <Button
          size="lg"
          className="sm:h-11"
          busy={sending === 'postpone'}
          aria-disabled={!mayPostpone || busy}
          aria-describedby={mayPostpone ? undefined : described}
          aria-keyshortcuts="P"
          onClick={() => {
            openDialog('postpone', approval)
          }}
        >
          {sending === 'postpone' ? null : <Clock3 className="size-5" aria-hidden="true" />}
          {sending === 'postpone' ? t('sg.postponing') : t('sg.postpone')}
        </Button>
        {!detailed && isOwnRequest(approval, person) ? (
          <CancelButton approval={approval} className="col-span-2 h-11" />
        ) : null}
        {!commenting && !blocked ? (
          <Button
            variant="ghost"
            className="col-span-2 h-11 sm:ml-auto"
            aria-label={t('sg.comment_add')}
            onClick={() => {
              setCommenting(true)
            }}
          >
            <MessageSquarePlus className="size-4" aria-hidden="true" />
            {detailed ? t('sg.comment') : t('sg.comment_add')}
          </Button>
        ) : null}
      </div>
    </div>
  )
}

/** Nothing for who may not withdraw the request. */
export function CancelButton({ approval, className }: { approval: Approval; className?: string }) {
  const { t } = useT()
  const person = useSession()
  const expired = useExpired(approval)
  const sending = useDecisions((s) => s.sending[approval.id])
  if (!mayCancel(approval, person, expired)) return null
  return (
    <Button
      variant="ghost"
      className={className}
      busy={sending === 'cancel'}
      aria-disabled={sending !== undefined}
      onClick={() => {
        openDialog('cancel', approval)
      }}
    >
      {sending === 'cancel' ? null : <Ban className="size-4" aria-hidden="true" />}
      {t('sg.cancel')}
    </Button>
  )
}
