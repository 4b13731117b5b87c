import { useQuery } from '@tanstack/react-query'
import { toolsQuery } from './safeguard'
import type { Approval } from './types'
import { hasMessage, useT, type Translate } from '@/lib/i18n'
import { revealed } from '@/lib/reveal'

const SUBJECTS = [
  'username',
  'user',
  'account',
  'login',
  'target',
  'ticket_id',
  'host',
  'device',
  'name',
]

function humanise(toolName: string) {
  // The words come from whoever asks: a letter that passes for another shows there too.
  const words = revealed(toolName.replace(/[_.-]+/g, ' ').trim(), true)
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** The action in plain words: known tools first, then the registry's description, then its name. */
export function actionWords(
  toolName: string,
  description: string | null | undefined,
  t: Translate,
) {
  const key = `sg.tool.${toolName}`
  if (hasMessage(key)) return t(key)
  return description?.trim() ? description : humanise(toolName)
}

export function subjectOf(approval: Approval): string | null {
  for (const name of SUBJECTS) {
    const value = approval.arguments[name]
    if (typeof value === 'string' && value) return value
    if (typeof value === 'number') return String(value)
  }
  return null
}

export function useActionTitle() {
  const { t, language } = useT()
  const { data: tools } = useQuery(toolsQuery)
  return (approval: { tool_name: string }) => {
    const registered = tools?.find((each) => each.name === approval.tool_name)
    return actionWords(approval.tool_name, registered?.description[language], t)
  }
}
