import { useMutation, useQueryClient } from '@tanstack/react-query'
import { mergeApproval, seenPosition } from '@/api/live'
import { ApiError, describeError } from '@/api/problem'
import {
  approveRequest,
  breakGlass,
  cancelApproval,
  fetchApproval,
  postponeRequest,
  rejectRequest,
  safeguardKeys,
} from '@/api/safeguard'
import type { Approval, CommandAnswer } from '@/api/types'
import { useSession } from '@/api/use-session'
import { formatTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { serverClock } from '@/lib/server-clock'
import { uniqueId } from '@/lib/unique-id'
import { toast } from '@/ui/toasts'
import { approvalsSoFar } from './decision-rules'
import {
  clearDraft,
  closeDialog,
  depart,
  openDialog,
  setSending,
  useDecisions,
  type DecisionKind,
  type Departure,
} from './decision-store'

interface Intent {
  approval: Approval
  kind: DecisionKind
  text: string
  minutes?: number
  /** Made once per thing the person wants; every retry repeats it. */
  key: string
}

const CONFLICTS = ['stale_version', 'approval_already_decided', 'conflict', 'already_voted']
/** The live frame normally wins; after this long we ask instead of waiting. */
const FRAME_WAIT_MS = 700
const READS = 4
const READ_AGAIN_MS = 250

/** A refusal tells id, status and version of what it refuses. */
function versionOf(told: unknown): number {
  const known = typeof told === 'object' && told !== null && 'version' in told ? told.version : 0
  return typeof known === 'number' ? known : 0
}

function run({ approval, kind, text, minutes, key }: Intent): Promise<CommandAnswer> {
  const { id, version } = approval
  if (kind === 'approve') return approveRequest(id, key, version, text.trim() || null)
  if (kind === 'reject') return rejectRequest(id, key, version, text.trim())
  if (kind === 'postpone') return postponeRequest(id, key, version, minutes ?? 15)
  if (kind === 'cancel') return cancelApproval(id, key, text.trim() || null)
  return breakGlass(id, key, version, text.trim())
}

export function useDecide() {
  const client = useQueryClient()
  const person = useSession()
  const { t, language } = useT()
  const me = person.display_name || person.username

  const mutation = useMutation({
    mutationFn: run,
    onMutate: ({ approval, kind }) => {
      setSending(approval.id, kind)
    },
    onSuccess: (answer, intent) => {
      clearDraft(intent.approval.id)
      closeDialog()
      afterSuccess(answer, intent)
      setTimeout(() => {
        if (seenPosition() < answer.position) void refetch(intent.approval.id)
      }, FRAME_WAIT_MS)
    },
    onError: (error, intent) => void afterError(error, intent),
    onSettled: (_answer, _error, { approval }) => {
      setSending(approval.id, undefined)
    },
  })

  async function refetch(id: string) {
    const { data } = await fetchApproval(id)
    mergeApproval(client, data)
    return data
  }

  /** The refusal names the present version; what may be read can be a moment behind it. */
  async function currentOf(approval: Approval, version: number) {
    let current = approval
    for (let attempt = 0; attempt < READS; attempt += 1) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS))
      current = await refetch(approval.id).catch(() => current)
      if (current.version >= version) break
    }
    return current
  }

  /** What we know must follow, shown at once; the frame or the refetch brings the exact truth. */
  function afterSuccess(answer: CommandAnswer, { approval, kind, minutes }: Intent) {
    void client.invalidateQueries({ queryKey: safeguardKeys.approval(approval.id) })
    void client.invalidateQueries({ queryKey: safeguardKeys.history })
    // A frame that came before the answer already told more than we can guess.
    const guess = (next: Approval) => {
      if (seenPosition() < answer.position) mergeApproval(client, next)
    }
    if (kind === 'postpone') {
      const wake = new Date(serverClock.now() + (minutes ?? 15) * 60_000).toISOString()
      guess({ ...approval, postponed_until: wake })
      const notice = t('sg.notice.postponed', { time: formatTime(wake, language) })
      depart({ approval, notice, tone: 'neutral' })
      return
    }
    if (kind === 'cancel') {
      guess({ ...approval, status: 'cancelled', version: answer.version })
      leave(approval, t('sg.notice.cancelled_by', { by: me }), 'neutral')
      return
    }
    const decision = {
      kind: kind === 'reject' ? 'rejected' : 'approved',
      by: person.username,
      by_id: `user:${person.id}`,
      at: new Date(serverClock.now()).toISOString(),
    }
    const decided = {
      ...approval,
      version: answer.version,
      decisions: [...approval.decisions, decision],
    }
    if (kind === 'approve' && approvalsSoFar(decided) < approval.required_approvals) {
      guess(decided)
      toast('success', t('sg.notice.vote'), approval.reference)
      return
    }
    const status = kind === 'reject' ? 'rejected' : 'approved'
    guess({ ...decided, status })
    const notice = t(`sg.notice.${status}`, { by: me })
    leave(approval, notice, kind === 'reject' ? 'red' : 'green')
  }

  function leave(approval: Approval, notice: string, tone: Departure['tone']) {
    depart({ approval, notice, tone })
    if (window.location.pathname.endsWith(approval.id)) toast('success', notice, approval.reference)
  }

  async function afterError(error: unknown, { approval }: Intent) {
    if (error instanceof ApiError && CONFLICTS.includes(error.code)) {
      openDialog('stale', await currentOf(approval, versionOf(error.body.current)))
      return
    }
    const { text, traceId } = describeError(error, t)
    toast('error', text, traceId ? t('error.trace', { id: traceId }) : approval.reference)
  }

  return (approval: Approval, kind: DecisionKind, text = '', minutes?: number) => {
    // A second press while the first is on its way is the same wish.
    if (useDecisions.getState().sending[approval.id]) return
    mutation.mutate({ approval, kind, text, minutes, key: uniqueId() })
  }
}
