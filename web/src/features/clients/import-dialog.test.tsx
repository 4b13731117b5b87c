import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ImportDialog } from './import-dialog'

const CSV = 'id;name;critical\n42;EHPAD Les Jardins;oui\n43;Mairie;peut-être\n'
const report = {
  registered: 1,
  changed: 0,
  unchanged: 0,
  refused: [{ row: 2, code: 'invalid', detail: '`critical` is true or false.' }],
  position: 12,
}

let sent: { type: string | null; body: string }[] = []

beforeEach(() => {
  sent = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    const request = input as Request
    sent.push({ type: request.headers.get('Content-Type'), body: await request.text() })
    return Response.json(report)
  })
})

async function choose(text: string) {
  const onClose = vi.fn()
  render(
    <QueryClientProvider client={new QueryClient()}>
      <ImportDialog onClose={onClose} />
    </QueryClientProvider>,
  )
  const user = userEvent.setup()
  await user.upload(
    screen.getByLabelText(/Choisir un fichier CSV/),
    new File([text], 'clients.csv', { type: 'text/csv' }),
  )
  return user
}

describe('importing clients', () => {
  it('previews the rows, sends the file as it is, and reports line by line', async () => {
    const user = await choose(CSV)
    const preview = await screen.findByRole('table', { name: 'Aperçu du fichier' })
    expect(within(preview).getByText('EHPAD Les Jardins')).toBeVisible()
    expect(within(preview).getByText('Ni oui ni non')).toBeVisible()
    expect(screen.getByText(/1 sera refusée/)).toBeVisible()
    await user.click(screen.getByRole('button', { name: 'Importer 1 client' }))
    const refused = await screen.findByRole('list', { name: 'Refusés' })
    expect(refused).toHaveTextContent('Ligne 2 43 · MairieNi oui ni non')
    expect(sent).toEqual([{ type: 'text/csv', body: CSV }])
  })

  it('says what is wrong with a file instead of sending it', async () => {
    const user = await choose('id,nom\n1,x\n')
    expect(await screen.findByRole('alert')).toHaveTextContent('Colonnes absentes : name, critical')
    await user.click(screen.getByRole('button', { name: 'Importer' }))
    expect(sent).toEqual([])
  })
})
