import { queryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'
import { notePosition } from './positions'
import type { Client, ClientImport } from './types'

export type { ClientImport }

export const clientsQuery = queryOptions({
  queryKey: ['clients'],
  queryFn: async ({ signal }) => {
    const clients: Client[] = []
    let cursor: string | undefined
    do {
      const query = { limit: 200, cursor }
      const { data } = await read(() => http.GET('/api/clients', { params: { query }, signal }))
      clients.push(...data.items)
      cursor = data.next_cursor ?? undefined
    } while (cursor && clients.length < 5_000)
    return clients
  },
  staleTime: 60_000,
})

export interface ClientFields {
  id: string
  name: string
  critical: boolean
}

export function createClient(body: ClientFields, intent: string) {
  return send(() => http.POST('/api/clients', { headers: { 'Idempotency-Key': intent }, body }))
}

export function updateClient({ id, name, critical }: ClientFields, intent: string) {
  return send(() =>
    http.PUT('/api/clients/{id}', {
      params: { path: { id } },
      headers: { 'Idempotency-Key': intent },
      body: { name, critical },
    }),
  )
}

/** The answer is a report, not a command's: the lists asked next wait for its position. */
export async function importClients(csv: string): Promise<ClientImport> {
  const report = await send(() =>
    http.POST('/api/clients/import', {
      headers: { 'Content-Type': 'text/csv' },
      body: csv,
      bodySerializer: (text: string) => text,
    }),
  )
  notePosition(report.position)
  return report
}
