"""Publishes facts over NATS as a workflow does: argv[1] is a JSON list of [subject, body].

A body that is a string is sent to the letter, also where it is no JSON at all.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path

import nats

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "examples"))

from approval import KEY, SERVICE, URL  # noqa: E402


async def main(facts: list) -> None:
    nc = await nats.connect(URL, user=SERVICE, password=KEY, inbox_prefix=f"_INBOX.{SERVICE}")
    stream = nc.jetstream()
    for subject, body in facts:
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Nats-Msg-Id": uuid.uuid4().hex}
        await stream.publish(f"intake.{SERVICE}.{subject}", text.encode(), headers=headers)
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
