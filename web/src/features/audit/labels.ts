import { hasMessage, type Translate } from '@/lib/i18n'

interface Actor {
  kind: string
  id: string
  name?: string | null
}

export function actorLabel(actor: Actor, t: Translate): string {
  if (actor.kind === 'system') return t('common.platform')
  if (actor.kind === 'anonymous') return t('audit.by.anonymous')
  return actor.name || actor.id || actor.kind
}

export function kindLabel({ kind }: Actor, t: Translate): string {
  const key = `audit.by.${kind}`
  return hasMessage(key) ? t(key) : kind
}

/** The event or operation in plain words; its own name where there are none. */
export function actionLabel(action: string, t: Translate): string {
  const key = `audit.act.${action}`
  return hasMessage(key) ? t(key) : action
}

export function targetLabel(type: string, t: Translate): string {
  const key = `audit.on.${type}`
  return hasMessage(key) ? t(key) : type
}

/** What a field of an event holds, in plain words; its own name where there are none. */
export function fieldLabel(field: string, t: Translate): string {
  const key = `audit.field.${field}`
  return hasMessage(key) ? t(key) : field
}

export function shortId(id: string): string {
  return id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id
}

/** "Firefox 140" rather than the whole user agent, which stays in the details. */
export function browserName(userAgent: string): string {
  const found =
    /(Edg|Firefox|OPR)\/(\d+)/.exec(userAgent) ??
    /(Chrome)\/(\d+)/.exec(userAgent) ??
    /Version\/(\d+).*(Safari)/.exec(userAgent)
  if (userAgent === 'nats') return 'NATS'
  if (!found) return userAgent.split(' ')[0] ?? userAgent
  return found[2] === 'Safari'
    ? `Safari ${found[1]}`
    : `${found[1]?.replace('Edg', 'Edge')} ${found[2]}`
}
