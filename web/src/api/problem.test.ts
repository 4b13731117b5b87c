import { describe, expect, it } from 'vitest'
import { translate, type Translate } from '@/lib/i18n'
import { ApiError, describeError, errorOfResponse, networkError } from './problem'

const fr: Translate = (key, vars) => translate('fr', key, vars)
const en: Translate = (key, vars) => translate('en', key, vars)

describe('errors as sentences', () => {
  it('maps a known code to the reader’s language', () => {
    const error = new ApiError(403, { code: 'forbidden', detail: 'level N3 required' })
    expect(describeError(error, fr).text).toBe('Votre niveau ne permet pas cette action.')
    expect(describeError(error, en).text).toBe('Your level does not allow this action.')
  })

  it('says how long to wait when the rate is limited', () => {
    const error = new ApiError(429, { code: 'rate_limited' }, 42)
    expect(describeError(error, en).text).toBe('Too many requests. Try again in 42 s.')
  })

  it('shows the detail and the trace of an unknown code', () => {
    const body = { code: 'grant_haunted', detail: 'The grant is haunted.', trace_id: 'abc' }
    const error = new ApiError(409, body)
    expect(describeError(error, en)).toEqual({ text: 'The grant is haunted.', traceId: 'abc' })
    expect(describeError(error, fr).text).toMatch(/^Le serveur a refusé.+haunted/)
  })

  it('prefers the detail of an invalid request over a vague sentence', () => {
    const error = new ApiError(422, { code: 'invalid', detail: 'reason is too long' })
    expect(describeError(error, en).text).toBe('reason is too long')
    expect(describeError(error, fr).text).toMatch(/^La demande contient une erreur.+too long/)
  })

  it('names the fields of an invalid request in the reader’s language', () => {
    const errors = [{ field: 'reason', code: 'too_long' }]
    const error = new ApiError(422, { code: 'invalid', detail: 'reason is too long', errors })
    expect(describeError(error, fr).text).toBe(
      'La demande contient une erreur. (reason : trop long)',
    )
  })

  it('gives the trace of an internal error, and only then', () => {
    const trace = { trace_id: 't1' }
    expect(describeError(new ApiError(500, { code: 'internal', ...trace }), fr).traceId).toBe('t1')
    expect(describeError(new ApiError(403, { code: 'forbidden', ...trace }), fr).traceId).toBeNull()
  })

  it('tells an unreachable server from a refusal', () => {
    expect(describeError(networkError(), en).text).toContain('does not answer')
    expect(networkError().transient).toBe(true)
    expect(new ApiError(409, { code: 'conflict' }).transient).toBe(false)
  })

  it('understands an answer that is not a problem document', async () => {
    const error = await errorOfResponse(new Response('<html>', { status: 502 }))
    expect(error.code).toBe('unavailable')
  })

  it('reads Retry-After', async () => {
    const headers = { 'Retry-After': '7' }
    const body = JSON.stringify({ code: 'rate_limited' })
    const error = await errorOfResponse(new Response(body, { status: 429, headers }))
    expect(error.retryAfterSeconds).toBe(7)
  })
})
