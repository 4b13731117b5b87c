import {
  Ban,
  CircleCheck,
  CircleCheckBig,
  CircleX,
  Hourglass,
  LoaderCircle,
  TimerOff,
  TriangleAlert,
  Undo2,
  type LucideIcon,
} from 'lucide-react'
import type { ApprovalStatus } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Badge, type BadgeTone } from '@/ui/badge'

const looks: Record<ApprovalStatus, { tone: BadgeTone; icon: LucideIcon }> = {
  pending: { tone: 'yellow', icon: Hourglass },
  approved: { tone: 'green', icon: CircleCheck },
  executing: { tone: 'accent', icon: LoaderCircle },
  executed: { tone: 'green', icon: CircleCheckBig },
  execution_failed: { tone: 'red', icon: TriangleAlert },
  lapsed: { tone: 'neutral', icon: TimerOff },
  rejected: { tone: 'red', icon: CircleX },
  expired: { tone: 'neutral', icon: TimerOff },
  cancelled: { tone: 'neutral', icon: Undo2 },
}

export function StatusBadge({ status }: { status: ApprovalStatus }) {
  const { t } = useT()
  const { tone, icon: Icon } = looks[status] ?? { tone: 'neutral', icon: Ban }
  return (
    <Badge tone={tone}>
      <Icon aria-hidden="true" />
      {t(`sg.status.${status}`)}
    </Badge>
  )
}
