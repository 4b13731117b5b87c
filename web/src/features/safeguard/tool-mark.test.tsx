import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, render, screen, waitFor } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import { UnknownToolMark } from './tool-mark'

const mark = /Outil inconnu du registre : L3 au moins/
const registered = {
  name: 'ad_reset_password',
  level: 'L3',
  description: { fr: 'Réinitialiser', en: 'Reset' },
  version: 1,
  updated_at: '2026-01-06T10:00:00.000Z',
}

it('marks the tools the registry does not hold, once the registry is known', async () => {
  let answer: (response: Response) => void = () => undefined
  const asked = vi
    .spyOn(globalThis, 'fetch')
    .mockImplementation(() => new Promise((resolve) => (answer = resolve)))
  render(
    <QueryClientProvider client={new QueryClient()}>
      <p data-testid="known">
        <UnknownToolMark toolName="ad_reset_password" />
      </p>
      <p data-testid="unknown">
        <UnknownToolMark toolName="mcp_wipe_mailbox" />
      </p>
    </QueryClientProvider>,
  )
  await waitFor(() => {
    expect(asked).toHaveBeenCalled()
  })
  // Nothing is guessed at meanwhile.
  expect(screen.queryByText(mark)).toBeNull()
  act(() => {
    answer(
      Response.json(
        { items: [registered], next_cursor: null },
        { headers: { 'Greffe-Position': '9' } },
      ),
    )
  })
  expect(await screen.findByText(mark)).toBeVisible()
  expect(screen.getByTestId('unknown')).toHaveTextContent('Outil inconnu')
  expect(screen.getByTestId('known')).toBeEmptyDOMElement()
  // One registry for all cards.
  expect(asked).toHaveBeenCalledTimes(1)
})
