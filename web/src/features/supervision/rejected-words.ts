import { fieldProblem } from '@/api/problem'
import { hasMessage, useT } from '@/lib/i18n'

/** Why a fact was refused, in plain words; the code itself where there are none. */
export function useRefusal() {
  const { t } = useT()
  return (code: string) => {
    const key = `sv.rejected.code.${code}`
    return hasMessage(key) ? t(key) : code
  }
}

/** What is wrong with one field. */
export function useFieldProblem() {
  const { t } = useT()
  return (code: string) => fieldProblem(code, t)
}
