import { CircleCheck, CircleX, Siren } from 'lucide-react'
import type { Decision } from '@/api/types'
import { actorName, formatDateTime } from '@/lib/format'
import { useT } from '@/lib/i18n'

const looks = {
  approved: { icon: CircleCheck, tone: 'text-green' },
  rejected: { icon: CircleX, tone: 'text-red' },
  break_glass: { icon: Siren, tone: 'text-red' },
}

export function DecisionList({ decisions }: { decisions: Decision[] }) {
  const { t, language } = useT()
  return (
    <ul aria-label={t('sg.decisions')} className="flex flex-col gap-2">
      {decisions.map((each) => {
        const { icon: Icon, tone } = looks[each.kind] ?? looks.approved
        return (
          <li key={`${each.by}-${each.at}`} className="flex gap-2 text-base">
            <Icon className={`mt-0.5 size-4.5 shrink-0 ${tone}`} aria-hidden="true" />
            <div className="min-w-0">
              <p>
                <span className="font-medium">{actorName(each.by)}</span>{' '}
                <span className="text-soft">
                  {t(`sg.decision.${each.kind}`).toLowerCase()} ·{' '}
                  <time dateTime={each.at}>{formatDateTime(each.at, language)}</time>
                </span>
              </p>
              {each.comment ? <p className="text-soft break-words">« {each.comment} »</p> : null}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
