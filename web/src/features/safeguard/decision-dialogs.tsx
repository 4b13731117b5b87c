// Exactly one dialog at a time, for the approval named in the store.
import { closeDialog, useDecisions } from './decision-store'
import { BreakGlassDialog } from './break-glass-dialog'
import { CancelDialog } from './cancel-dialog'
import { ConfirmDialog } from './confirm-dialog'
import { PostponeDialog } from './postpone-dialog'
import { RejectDialog } from './reject-dialog'
import { StaleDialog } from './stale-dialog'

export function DecisionDialogs() {
  const dialog = useDecisions((s) => s.dialog)
  if (!dialog) return null
  const props = { approval: dialog.approval, onClose: closeDialog }
  if (dialog.kind === 'confirm') return <ConfirmDialog {...props} />
  if (dialog.kind === 'reject') return <RejectDialog {...props} />
  if (dialog.kind === 'postpone') return <PostponeDialog {...props} />
  if (dialog.kind === 'cancel') return <CancelDialog {...props} />
  if (dialog.kind === 'stale') return <StaleDialog {...props} />
  return <BreakGlassDialog {...props} />
}
