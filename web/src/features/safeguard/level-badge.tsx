import { ShieldAlert, ShieldX } from 'lucide-react'
import type { ActionLevel } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Badge, type BadgeTone } from '@/ui/badge'

const tones: Record<ActionLevel, BadgeTone> = {
  L0: 'neutral',
  L1: 'neutral',
  L2: 'accent',
  L3: 'violet',
  L4: 'red',
}

export function LevelBadge({ level }: { level: ActionLevel }) {
  const { t } = useT()
  return (
    <Badge tone={tones[level]}>
      {level === 'L4' ? <ShieldX aria-hidden="true" /> : null}
      {level === 'L3' ? <ShieldAlert aria-hidden="true" /> : null}
      {level} · {t(`level.${level}`)}
    </Badge>
  )
}
