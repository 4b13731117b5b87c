import { Check, TriangleAlert, X } from 'lucide-react'
import type { AuditItem } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'

export function OutcomeBadge({ outcome }: { outcome: AuditItem['outcome'] }) {
  const { t } = useT()
  const Icon = { accepted: Check, refused: X, failed: TriangleAlert }[outcome]
  const tone = { accepted: 'green', refused: 'yellow', failed: 'red' } as const
  return (
    <Badge tone={tone[outcome]}>
      <Icon aria-hidden="true" />
      {t(`audit.outcome.${outcome}`)}
    </Badge>
  )
}
