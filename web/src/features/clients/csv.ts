// A look at a CSV file before it is sent; the server reads it for itself.

export interface CsvRow {
  id: string
  name: string
  critical: string
}

export interface CsvPreview {
  rows: CsvRow[]
  /** Columns that must be there and are not. */
  missing: string[]
}

/** UTF-8, or what French spreadsheets still write. */
export function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

const COLUMNS = ['id', 'name', 'critical'] as const

/** Records of RFC 4180, with `;` where the head has one, as French spreadsheets write. */
function records(text: string): string[][] {
  const source = text.replace(/^\uFEFF/, '')
  const delimiter = source.split('\n', 1)[0]?.includes(';') ? ';' : ','
  const found: string[][] = []
  let record: string[] = []
  let cell = ''
  let quoted = false
  const endCell = () => {
    record.push(cell.trim())
    cell = ''
  }
  const endRecord = () => {
    endCell()
    if (record.some(Boolean)) found.push(record)
    record = []
  }
  for (let i = 0; i < source.length; i += 1) {
    const c = source[i] ?? ''
    if (quoted && c === '"' && source[i + 1] === '"') {
      cell += '"'
      i += 1
    } else if (c === '"' && (quoted || cell.trim() === '')) {
      quoted = !quoted
      if (quoted) cell = ''
    } else if (!quoted && c === delimiter) endCell()
    else if (!quoted && c === '\n') endRecord()
    else cell += c
  }
  endRecord()
  return found
}

export function previewCsv(text: string): CsvPreview {
  const [head = [], ...rest] = records(text)
  const at = Object.fromEntries(COLUMNS.map((name) => [name, head.indexOf(name)]))
  const value = (row: string[], name: (typeof COLUMNS)[number]) => row[at[name] ?? -1] ?? ''
  return {
    missing: COLUMNS.filter((name) => !head.includes(name)),
    rows: rest.map((row) => ({
      id: value(row, 'id'),
      name: value(row, 'name'),
      critical: value(row, 'critical'),
    })),
  }
}

/** Why the server will refuse a row, as far as can be seen from here. */
export function faultOf({ id, name, critical }: CsvRow): 'id' | 'name' | 'critical' | null {
  if (!id) return 'id'
  if (!name) return 'name'
  return /^(true|1|yes|oui|false|0|no|non)$/i.test(critical) ? null : 'critical'
}

export function isCritical({ critical }: CsvRow): boolean {
  return /^(true|1|yes|oui)$/i.test(critical)
}
