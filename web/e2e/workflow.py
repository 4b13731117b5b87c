"""A workflow for the journeys: docs/examples/approval.py with arguments of its own.

Asks for what argv[1] says (JSON), and prints each step as a line of JSON.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path

import nats

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "examples"))

from approval import KEY, SERVICE, URL, arguments_hash, command, decision_on  # noqa: E402


def say(step: str, **facts) -> None:
    print(json.dumps({"step": step, **facts}), flush=True)


async def read(nc, approval_id: str, position: int) -> dict:
    """The approval, no older than the position."""
    subject = f"queries.{SERVICE}.safeguard.approval"
    body = json.dumps({"id": approval_id}).encode()
    headers = {"Greffe-Min-Position": str(position)}
    reply = await nc.request(subject, body, timeout=5, headers=headers)
    return json.loads(reply.data)


async def main(request: dict) -> None:
    nc = await nats.connect(URL, user=SERVICE, password=KEY, inbox_prefix=f"_INBOX.{SERVICE}")
    run = uuid.uuid4().hex
    asked = await command(nc, "request_approval", request, f"{run}-request")
    say("requested", id=asked["id"], reference=asked["reference"])

    # Decisions travel without texts: the words are asked for.
    message = await decision_on(nc.jetstream(), asked["id"])
    decision = json.loads(message.data)
    approval = await read(nc, asked["id"], decision["position"])
    words = [each["comment"] for each in approval["decisions"]]
    say("decided", status=decision["status"], words=words)

    if decision["status"] == "approved":
        proof = arguments_hash(request["tool_name"], request["arguments"])
        claim = {"id": asked["id"], "arguments_hash": proof}
        grant = await command(nc, "claim_execution", claim, f"{run}-claim")
        assert grant["retried"] or not grant["repeated"], "the id is drawn anew in each run"
        detail = f"Mot de passe temporaire défini pour {request['arguments']['username']}."
        report = {"id": asked["id"], "grant_id": grant["grant_id"], "outcome": "succeeded"}
        await command(nc, "record_execution", {**report, "detail": detail}, f"{run}-report")
        say("reported", detail=detail)
    await message.ack()
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
