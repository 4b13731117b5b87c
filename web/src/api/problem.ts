// Every failure of the API as one error type, and its sentence in the reader's language.
import { hasMessage, type Translate } from '@/lib/i18n'

export interface ProblemBody {
  status?: number
  code?: string
  title?: string
  detail?: string | null
  trace_id?: string | null
  errors?: { field: string; code: string }[]
  /** A stale decision may come back with the approval as it is now. */
  current?: unknown
}

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string | null
  readonly traceId: string | null
  readonly retryAfterSeconds: number | null
  readonly body: ProblemBody

  constructor(status: number, body: ProblemBody, retryAfterSeconds: number | null = null) {
    super(body.detail ?? body.title ?? body.code ?? `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.code = body.code ?? codeOfStatus(status)
    this.detail = body.detail ?? body.title ?? null
    this.traceId = body.trace_id ?? null
    this.retryAfterSeconds = retryAfterSeconds
    this.body = body
  }

  /** Worth sending again, unchanged, with the same idempotency key. */
  get transient() {
    return this.status === 0 || this.code === 'projection_behind' || this.status === 503
  }
}

function codeOfStatus(status: number): string {
  if (status === 0) return 'network'
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not_found'
  if (status === 429) return 'rate_limited'
  if (status === 502 || status === 503 || status === 504) return 'unavailable'
  return status >= 500 ? 'internal' : 'invalid'
}

export function networkError(): ApiError {
  return new ApiError(0, { code: 'network' })
}

export async function errorOfResponse(response: Response): Promise<ApiError> {
  let body: ProblemBody = {}
  try {
    const parsed: unknown = await response.clone().json()
    if (parsed && typeof parsed === 'object') body = parsed
  } catch {
    // A proxy's HTML page, or nothing: the status alone speaks.
  }
  const header = response.headers.get('Retry-After')
  const seconds = header === null ? Number.NaN : Number(header)
  return new ApiError(response.status, body, Number.isFinite(seconds) ? seconds : null)
}

export interface ErrorSentence {
  text: string
  traceId: string | null
}

/** What is wrong with one field; the code itself where there are no words for it. */
export function fieldProblem(code: string, t: Translate): string {
  const key = `sv.rejected.field.${code}`
  return hasMessage(key) ? t(key) : code
}

/** "invalid" says too little by itself: the fields, or the server's own words, name the mistake. */
function describeInvalid({ body, detail }: ApiError, t: Translate): string {
  const said = detail ?? ''
  if (body.errors?.length) {
    const fields = body.errors.map(({ field, code }) => `${field} : ${fieldProblem(code, t)}`)
    return t('error.invalid_fields', { detail: said, fields: `(${fields.join(', ')})` })
  }
  return said ? t('error.invalid_detail', { detail: said }) : t('error.invalid')
}

export function describeError(error: unknown, t: Translate): ErrorSentence {
  if (!(error instanceof ApiError)) {
    return { text: t('error.title'), traceId: null }
  }
  if (error.code === 'invalid') return { text: describeInvalid(error, t), traceId: error.traceId }
  const key = `error.${error.code}`
  if (hasMessage(key)) {
    const text = t(key, { seconds: error.retryAfterSeconds ?? 60 })
    return { text, traceId: error.code === 'internal' ? error.traceId : null }
  }
  const text = error.detail ? t('error.said', { detail: error.detail }) : t('error.title')
  return { text, traceId: error.traceId }
}
