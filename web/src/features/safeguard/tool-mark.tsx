import { useQuery } from '@tanstack/react-query'
import { CircleQuestionMark } from 'lucide-react'
import { toolsQuery } from '@/api/safeguard'
import { useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'

/**
 * Says that nobody has classified the tool. Nothing is said while the registry is not known: it is
 * asked for once, and shared by every card.
 */
export function UnknownToolMark({ toolName }: { toolName: string }) {
  const { t } = useT()
  const { data: tools } = useQuery(toolsQuery)
  if (!tools || tools.some((each) => each.name === toolName)) return null
  return (
    <Badge tone="yellow" className="whitespace-normal">
      <CircleQuestionMark className="shrink-0" aria-hidden="true" />
      {t('sg.unknown_tool')}
    </Badge>
  )
}
