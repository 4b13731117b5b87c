"""Python's eventsourcing on the same PostgreSQL: the same account, ten deposits each, 32 at once.

Arguments: database URL, seconds. Prints commands per second. Threads of one Python share a lock, so
two processes with half of the threads each: what the machine's two cores can give it.
"""

import multiprocessing
import os
import sys
import threading
import time
from urllib.parse import unquote, urlsplit

PROCESSES = 2
AT_ONCE = 32
DEPOSITS = 10


def work(url: str, seconds: float, makes_tables: bool, done: "multiprocessing.Queue") -> None:
    place = urlsplit(url)
    os.environ.update(
        PERSISTENCE_MODULE="eventsourcing.postgres",
        POSTGRES_DBNAME=place.path.lstrip("/"),
        POSTGRES_HOST=place.hostname,
        POSTGRES_PORT=str(place.port),
        POSTGRES_USER=unquote(place.username),
        POSTGRES_PASSWORD=unquote(place.password or ""),
        POSTGRES_POOL_SIZE=str(AT_ONCE // PROCESSES),
        POSTGRES_MAX_OVERFLOW="0",
        # Two processes that make them at once upset each other ("tuple concurrently updated").
        CREATE_TABLE="yes" if makes_tables else "no",
    )
    from eventsourcing.application import Application
    from eventsourcing.domain import Aggregate, event

    class Account(Aggregate):
        def __init__(self) -> None:
            self.balance = 0

        @event("Deposited")
        def deposit(self, amount: int) -> None:
            self.balance += amount

    class Bank(Application):
        pass

    bank = Bank()
    counts = [0] * (AT_ONCE // PROCESSES)
    until = time.monotonic() + seconds

    def deposits(task: int) -> None:
        account_id = None
        nth = 0
        while time.monotonic() < until:
            account = Account() if nth % DEPOSITS == 0 else bank.repository.get(account_id)
            account.deposit(nth + 1)
            bank.save(account)
            account_id = account.id
            nth += 1
        counts[task] = nth

    threads = [threading.Thread(target=deposits, args=(task,)) for task in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.put(sum(counts))
    bank.close()


def main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    done: multiprocessing.Queue = multiprocessing.Queue()
    # A short run of one makes the tables before the crowd comes.
    for times, makes_tables in (([0.1], True), ([seconds] * PROCESSES, False)):
        workers = [
            multiprocessing.Process(target=work, args=(url, time_, makes_tables, done))
            for time_ in times
        ]
        for worker in workers:
            worker.start()
        total = sum(done.get(timeout=seconds + 60) for _ in workers)
        for worker in workers:
            worker.join()
            if worker.exitcode != 0:
                sys.exit(f"a process ended with {worker.exitcode}")
    print(total / seconds)


if __name__ == "__main__":
    main()
