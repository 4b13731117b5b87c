import { actorName } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { isPerson } from '@/lib/levels'
import { useSession } from './use-session'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/i

/** "user:<id>" as a person would say it: the name sent along, oneself, or the id made short. */
export function useActorName() {
  const { t } = useT()
  const me = useSession()
  return (actor: string, name?: string | null): string => {
    if (name) return name
    if (isPerson(me, actor)) return me.display_name || me.username
    const bare = actorName(actor)
    return UUID.test(bare) ? t('common.person_id', { id: bare.slice(-6) }) : bare
  }
}
