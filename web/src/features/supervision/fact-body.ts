/** Indented if it is JSON; to the letter if it is not, or if reading it would lose something. */
export function pretty(body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    const same = JSON.stringify(value) === withoutSpace(body)
    return same ? JSON.stringify(value, null, 2) : body
  } catch {
    return body
  }
}

/** Blanks between tokens taken away; those within strings stay. */
function withoutSpace(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, text: string | undefined) => text ?? '')
}

/** What keeps it from being JSON, as the browser says it; null if nothing does. */
export function jsonMistake(body: string): string | null {
  try {
    JSON.parse(body)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
