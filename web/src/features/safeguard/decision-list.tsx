import { CircleCheck, CircleX, Siren } from 'lucide-react'
import type { Decision } from '@/api/types'
import { useActorName } from '@/api/use-actor-name'
import { formatDateTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { Quote } from '@/ui/quote'

const looks = {
  approved: { icon: CircleCheck, tone: 'text-green' },
  rejected: { icon: CircleX, tone: 'text-red' },
  break_glass: { icon: Siren, tone: 'text-red' },
}

function kindOf({ kind }: Decision): keyof typeof looks {
  if (/glass/.test(kind)) return 'break_glass'
  return kind === 'rejected' ? 'rejected' : 'approved'
}

export function DecisionList({ decisions }: { decisions: Decision[] }) {
  const { t, language } = useT()
  const nameOf = useActorName()
  return (
    <ul aria-label={t('sg.decisions')} className="flex flex-col gap-2">
      {decisions.map((each) => {
        const { icon: Icon, tone } = looks[kindOf(each)]
        return (
          <li key={`${each.by_id}-${each.at}`} className="flex gap-2 text-base">
            <Icon className={`mt-0.5 size-4.5 shrink-0 ${tone}`} aria-hidden="true" />
            <div className="min-w-0">
              <p>
                <span className="font-medium">{nameOf(each.by)}</span>{' '}
                <span className="text-soft">
                  {t(`sg.decision.${kindOf(each)}`).toLowerCase()}{' '}
                  <time dateTime={each.at} className="whitespace-nowrap">
                    · {formatDateTime(each.at, language)}
                  </time>
                </span>
              </p>
              {each.comment ? (
                <p className="text-soft break-words">
                  <Quote text={each.comment} />
                </p>
              ) : null}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
