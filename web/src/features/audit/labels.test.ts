// The schemas and the OpenAPI document say what can stand in the trail: all of it has words.
import { expect, test } from 'vitest'
import { hasMessage } from '@/lib/i18n'
import openapi from '../../../../crates/api/openapi.json'

interface Schema {
  properties?: Record<string, unknown>
}
const root = '../../../../events/schema/'
const schemas = import.meta.glob<Schema>('../../../../events/schema/**/*.json', {
  eager: true,
  import: 'default',
})
const withoutWords = (keys: Iterable<string>) => [...keys].filter((key) => !hasMessage(key))

const types = Object.keys(schemas).map((path) =>
  path
    .slice(root.length)
    .replace(/\.v\d+\.json$/, '')
    .replace('/', '.'),
)

test('every event type and what it is about', () => {
  expect(types.length).toBeGreaterThan(50)
  expect(withoutWords(types.map((type) => `audit.act.${type}`))).toEqual([])
  const targets = types.filter((type) => !type.startsWith('audit.'))
  const names = new Set(targets.map((type) => `audit.on.${type.replace(/\.[^.]+$/, '')}`))
  expect(withoutWords(names)).toEqual([])
})

test('every field of every event', () => {
  const names = Object.values(schemas).flatMap(({ properties }) => Object.keys(properties ?? {}))
  expect(withoutWords(new Set(names.map((name) => `audit.field.${name}`)))).toEqual([])
})

test('every operation that may be refused', () => {
  const paths: Record<string, Record<string, { operationId?: string }>> = openapi.paths
  const ids = Object.values(paths).flatMap((each) =>
    Object.values(each).flatMap(({ operationId }) => operationId ?? []),
  )
  expect(ids.length).toBeGreaterThan(50)
  expect(withoutWords(ids.map((id) => `audit.act.${id}`))).toEqual([])
})
