// A typed dictionary: every sentence is a [French, English] pair, so neither can be forgotten.
import { create } from 'zustand'
import { audit } from './messages/audit'
import { auditFields } from './messages/audit-fields'
import { auditOperations } from './messages/audit-operations'
import { common } from './messages/common'
import { errors } from './messages/errors'
import { events } from './messages/events'
import { operations } from './messages/operations'
import { registry } from './messages/registry'
import { rejected } from './messages/rejected'
import { safeguard } from './messages/safeguard'
import { sentinel } from './messages/sentinel'
import { shell } from './messages/shell'
import { supervision } from './messages/supervision'

export type Language = 'fr' | 'en'

const dictionary = {
  ...common,
  ...errors,
  ...shell,
  ...rejected,
  ...safeguard,
  ...registry,
  ...audit,
  ...auditFields,
  ...auditOperations,
  ...events,
  ...operations,
  ...sentinel,
  ...supervision,
}

export type MessageKey = keyof typeof dictionary
export type PluralBase = {
  [K in MessageKey]: K extends `${infer B}.other` ? B : never
}[MessageKey]

export type Vars = Record<string, string | number>

const pluralRules = { fr: new Intl.PluralRules('fr'), en: new Intl.PluralRules('en') }

function fill(sentence: string, vars?: Vars) {
  return vars
    ? sentence.replace(/\{(\w+)\}/g, (whole, k: string) => String(vars[k] ?? whole))
    : sentence
}

/** French keeps a space before : ; ? ! and within « »: it must not end a line. */
function unbroken(sentence: string) {
  return sentence.replace(/ (?=[:;?!»%])|(?<=«) /g, '\u00A0')
}

export function hasMessage(key: string): key is MessageKey {
  return Object.hasOwn(dictionary, key)
}

export function translate(language: Language, key: MessageKey, vars?: Vars): string {
  const [french, english] = dictionary[key]
  return fill(language === 'fr' ? unbroken(french) : english, vars)
}

export function translatePlural(language: Language, base: PluralBase, count: number, vars?: Vars) {
  const one = pluralRules[language].select(count) === 'one'
  const key = `${base}.${one ? 'one' : 'other'}` as MessageKey
  return translate(language, key, { count: count.toLocaleString(language), ...vars })
}

function readLanguage(): Language {
  try {
    return localStorage.getItem('greffe.lang') === 'en' ? 'en' : 'fr'
  } catch {
    return 'fr'
  }
}

interface LanguageState {
  language: Language
  setLanguage: (language: Language) => void
}

export const useLanguage = create<LanguageState>((set) => ({
  language: readLanguage(),
  setLanguage: (language) => {
    try {
      localStorage.setItem('greffe.lang', language)
    } catch {
      // Private mode: the choice lasts for this page.
    }
    document.documentElement.lang = language
    set({ language })
  },
}))

export type Translate = (key: MessageKey, vars?: Vars) => string

export function useT() {
  const language = useLanguage((s) => s.language)
  const t: Translate = (key, vars) => translate(language, key, vars)
  const tn = (base: PluralBase, count: number, vars?: Vars) =>
    translatePlural(language, base, count, vars)
  return { t, tn, language }
}
