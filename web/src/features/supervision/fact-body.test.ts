import { expect, it } from 'vitest'
import { jsonMistake, pretty } from './fact-body'

it('indents JSON, and keeps its words', () => {
  expect(pretty('{"a": "b  c", "n":1}')).toBe('{\n  "a": "b  c",\n  "n": 1\n}')
})

it('shows to the letter what is no JSON, or would lose something by being read', () => {
  expect(pretty('{"a":')).toBe('{"a":')
  expect(pretty('{"a":1,"a":2}')).toBe('{"a":1,"a":2}')
  expect(pretty('{"n":12345678901234567890}')).toBe('{"n":12345678901234567890}')
})

it('says what is wrong', () => {
  expect(jsonMistake('{"a":1}')).toBeNull()
  expect(jsonMistake('{"a":1')).toMatch(/JSON/)
})
