// The only place that talks HTTP: session cookie, write header, positions, problems.
import createClient, { type Middleware } from 'openapi-fetch'
import { serverClock } from '@/lib/server-clock'
import { createPatience } from './patience'
import { forgetPositions, knownPosition, notePosition } from './positions'
import { ApiError, errorOfResponse, networkError } from './problem'
import type { paths } from './schema'

type Listener = () => void
let onUnauthenticated: Listener = () => undefined

export function whenUnauthenticated(listener: Listener) {
  onUnauthenticated = listener
}

const waits = /^\/api\/(safeguard|supervision|sentinel|clients|users|audit)\b/

const greffe: Middleware = {
  onRequest({ request, schemaPath }) {
    if (request.method !== 'GET') request.headers.set('X-Requested-With', 'greffe')
    else if (waits.test(schemaPath) && knownPosition() > 0) {
      request.headers.set('Greffe-Min-Position', String(knownPosition()))
    }
    return request
  },
  onResponse({ request, response }) {
    const date = response.headers.get('Date')
    if (date) serverClock.sample(Date.parse(date), 'header')
    if (request.method !== 'GET' && response.ok) {
      notePosition(Number(response.headers.get('Greffe-Position')))
    }
  },
}

export const http = createClient<paths>({
  baseUrl: typeof window === 'undefined' ? 'http://localhost' : window.location.origin,
  fetch: createPatience((request) => globalThis.fetch(request)),
})
http.use(greffe)

interface Result<T> {
  data?: T
  response: Response
}

async function settle<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw networkError()
  }
}

export interface Read<T> {
  data: T
  /** How far the read model was; 0 when the server did not say. */
  position: number
}

/** Runs a request, throws `ApiError` for anything but success. */
export async function read<T>(call: () => Promise<Result<T>>): Promise<Read<T>> {
  let result = await settle(call)
  if (result.response.status === 422 && knownPosition() > 0) {
    // The log may be shorter than what we remember (restored backup): ask again without it.
    forgetPositions()
    result = await settle(call)
  }
  const { response } = result
  if (!response.ok) {
    const error = await failure(result)
    if (error.status === 401) onUnauthenticated()
    throw error
  }
  return {
    data: result.data as T,
    position: Number(response.headers.get('Greffe-Position') ?? 0),
  }
}

export async function send<T>(call: () => Promise<Result<T>>): Promise<T> {
  const result = await settle(call)
  if (!result.response.ok) {
    const error = await failure(result)
    if (error.status === 401) onUnauthenticated()
    throw error
  }
  return result.data as T
}

/** openapi-fetch has consumed the body by now: it hands the parsed problem over as `error`. */
async function failure(result: Result<unknown> & { error?: unknown }): Promise<ApiError> {
  if (result.error && typeof result.error === 'object') {
    const header = result.response.headers.get('Retry-After')
    const seconds = header === null ? Number.NaN : Number(header)
    return new ApiError(
      result.response.status,
      result.error,
      Number.isFinite(seconds) ? seconds : null,
    )
  }
  return result.response.bodyUsed
    ? new ApiError(result.response.status, {})
    : errorOfResponse(result.response)
}
