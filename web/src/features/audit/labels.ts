interface Actor {
  kind: string
  id: string
  name?: string | null
}

export function actorLabel(actor: Actor): string {
  return actor.name || actor.id || actor.kind
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
  if (!found) return userAgent.split(' ')[0] ?? userAgent
  return found[2] === 'Safari'
    ? `Safari ${found[1]}`
    : `${found[1]?.replace('Edg', 'Edge')} ${found[2]}`
}
