// Who may do what, as the product says; the server decides, this only hides what would be refused.
export type Accreditation = 'N0' | 'N1' | 'N2' | 'N3' | 'N4'

export interface Person {
  id: string
  username: string
  role: string
  accreditation_level: Accreditation
  /** Names of the service accounts this person answers for. */
  service_accounts?: string[]
}

export function atLeast(person: Person, level: Accreditation): boolean {
  return person.accreditation_level >= level
}

export function mayReadAudit(person: Person): boolean {
  return atLeast(person, 'N4') || person.role === 'auditor'
}

/** What events look like, not what they say. */
export function mayReadEvents(person: Person): boolean {
  return atLeast(person, 'N1') || person.role === 'auditor'
}

/** Actors come as "user:<id or name>", a bare id, or a bare name. */
export function isPerson(person: Person, actor: string | null | undefined): boolean {
  if (!actor) return false
  if (actor.startsWith('service:')) return false
  const bare = actor.replace(/^(user|person):/, '')
  return bare === person.id || bare.toLowerCase() === person.username.toLowerCase()
}

/** What a bot asks, its owner asks. */
export function ownsService(person: Person, actor: string): boolean {
  const name = /^service:(.+)$/.exec(actor)?.[1]
  return name !== undefined && (person.service_accounts ?? []).includes(name)
}
