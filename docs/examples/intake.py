"""Tell the platform what happens: an alert, what was done about it, that it is over.

    NATS_URL=nats://127.0.0.1:4222 GREFFE_SERVICE=sentinel GREFFE_KEY=grf_sentinel_… python intake.py
"""

import asyncio
import json
import os
import uuid
from datetime import datetime, timezone

import nats

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
SERVICE = os.environ["GREFFE_SERVICE"]
KEY = os.environ["GREFFE_KEY"]


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


async def tell(js, subject: str, fact: dict) -> None:
    """Returns once JetStream has stored the fact: the platform need not run for that.

    Its id is that of every repetition, which is taken in once, and of no other fact of any account.
    """
    message_id = f"{SERVICE}-{subject}-{fact['external_id']}-{fact['occurred_at']}"
    for attempt in range(5):
        try:
            await js.publish(
                f"intake.{SERVICE}.{subject}",
                json.dumps(fact).encode(),
                headers={"Nats-Msg-Id": message_id},
            )
            return
        except nats.errors.TimeoutError:  # nats-server may be restarting
            if attempt == 4:
                raise
            await asyncio.sleep(2**attempt / 4)


async def main() -> None:
    nc = await nats.connect(
        URL, user=SERVICE, password=KEY, inbox_prefix=f"_INBOX.{SERVICE}".encode()
    )
    js = nc.jetstream()

    # What names the alert where it comes from: the same for down and up.
    alert = {"source": "observium", "external_id": str(uuid.uuid4())}
    fact = {
        **alert,
        "device": "SWITCH-CLI-001",
        "client_id": "42",
        "severity": "critical",
        "message": "Port 12 ne répond plus",
        "responsibility": "fai",
        "confidence": 75,
    }
    down = {**fact, "state": "down", "occurred_at": now()}
    await tell(js, "sentinel.alert", down)
    print("told down", alert["external_id"], flush=True)

    step = {**alert, "kind": "ticket_created", "ticket_id": 4567, "occurred_at": now()}
    await tell(js, "sentinel.step", step)
    print("told step", flush=True)

    up = {**fact, "state": "up", "resolution": "Lien rétabli", "occurred_at": now()}
    await tell(js, "sentinel.alert", up)
    print("told up", flush=True)
    await nc.close()


asyncio.run(main())
