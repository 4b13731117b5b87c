import { LockKeyhole } from 'lucide-react'
import { hasMessage, useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'

/** Why a sealed part of an event does not open; nothing where all of it can be read. */
export function UnreadableBadge({ cause }: { cause: string | null | undefined }) {
  const { t } = useT()
  if (!cause) return null
  const key = `audit.unreadable.${cause}`
  return (
    <Badge tone="red">
      <LockKeyhole aria-hidden="true" />
      {hasMessage(key) ? t(key) : cause}
    </Badge>
  )
}
