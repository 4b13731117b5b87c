import { actorName } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { isPerson } from '@/lib/levels'
import { useSession } from './use-session'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-/i

/** An actor as a person would say it: oneself by name, the platform as such, an id made short. */
export function useActorName() {
  const { t } = useT()
  const me = useSession()
  return (actor: string): string => {
    if (isPerson(me, actor)) return me.display_name || me.username
    if (actor.startsWith('system')) return t('common.platform')
    const bare = actorName(actor)
    return UUID.test(bare) ? t('common.person_id', { id: bare.slice(-6) }) : bare
  }
}
