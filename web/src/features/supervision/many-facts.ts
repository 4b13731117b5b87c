// An act on many refused facts is several calls: each says how far it came and where the next begins.
import { ApiError } from '@/api/problem'

/** A fact that stays, and why. */
export interface FailedFact {
  sequence: number
  code: string
  detail: string
}

interface Answer {
  done: number
  failed: FailedFact[]
  next_after?: number | null
}

export interface Tally {
  done: number
  failed: FailedFact[]
  /** Where the next call begins; `null` when all was gone through, absent before the first. */
  after?: number | null
}

interface Run {
  /** Of an earlier run that was stopped or failed: nothing is done twice. */
  from: Tally
  call: (after: number | undefined) => Promise<Answer>
  onProgress: (tally: Tally) => void
  isStopped: () => boolean
  wait: (ms: number) => Promise<void>
}

/** How often in a row a busy or absent server is asked again for the same stretch. */
const MOST_TRIES = 5
const BETWEEN_MS = 2_000

/** Goes on until all is gone through or somebody stops it; throws what a call could not get over. */
export async function runMany({ from, call, onProgress, isStopped, wait }: Run): Promise<Tally> {
  let tally = from
  let tries = 0
  while (tally.after !== null && !isStopped()) {
    try {
      const answer = await call(tally.after)
      tally = {
        done: tally.done + answer.done,
        failed: [...tally.failed, ...answer.failed],
        after: answer.next_after ?? null,
      }
      tries = 0
      onProgress(tally)
    } catch (error) {
      tries += 1
      if (!passes(error) || tries === MOST_TRIES) throw error
      await wait(error.retryAfterSeconds === null ? BETWEEN_MS : error.retryAfterSeconds * 1_000)
    }
  }
  return tally
}

function passes(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.transient || error.status === 429)
}

/** How many failed of each cause, most first. */
export function causesOf(failed: FailedFact[]) {
  const causes = new Map<string, FailedFact[]>()
  for (const each of failed) causes.set(each.code, [...(causes.get(each.code) ?? []), each])
  return [...causes].sort(([, a], [, b]) => b.length - a.length)
}
