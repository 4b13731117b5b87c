// Emmett on the same PostgreSQL: the same account, ten deposits each, 32 at once.
// Arguments: database URL, seconds. Prints commands per second.
import { CommandHandler } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'

const [url, seconds] = process.argv.slice(2)
const AT_ONCE = 32
const DEPOSITS = 10

const store = getPostgreSQLEventStore(url)
// Before the crowd: 32 at once would make the tables 32 times.
await store.schema.migrate()
const handle = CommandHandler({
  initialState: () => ({ balance: 0 }),
  evolve: (state, { data }) => ({ balance: state.balance + data.amount }),
})

const run = `${process.pid}-${Date.now()}`
const until = performance.now() + Number(seconds) * 1000
const started = performance.now()
let done = 0

async function work(task) {
  for (let nth = 0; performance.now() < until; nth++) {
    const account = `${run}-${task}-${Math.floor(nth / DEPOSITS)}`
    await handle(store, account, () => ({ type: 'Deposited', data: { amount: nth + 1 } }))
    done++
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, (_, task) => work(task)))
console.log((done / (performance.now() - started)) * 1000)
// Its pool would keep the process alive.
process.exit(0)
