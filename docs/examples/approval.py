"""Ask for an approval, wait for the decision, claim the grant, act, report.

    NATS_URL=nats://127.0.0.1:4222 GREFFE_SERVICE=support GREFFE_KEY=grf_support_… python approval.py
"""

import asyncio
import hashlib
import json
import os
import uuid

import nats
from nats.errors import TimeoutError as NoMessageYet

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
SERVICE = os.environ["GREFFE_SERVICE"]
KEY = os.environ["GREFFE_KEY"]

TOOL = "ad_reset_password"
ARGUMENTS = {"username": "jean.dupont"}


class Refused(Exception):
    """The platform said no; `code` says why and never changes its meaning."""

    def __init__(self, code: str, detail: str):
        super().__init__(f"{code}: {detail}")
        self.code = code


async def command(nc, operation: str, body: dict, message_id: str) -> dict:
    """Sends a command. With the same id it may be repeated: it takes effect once.

    `retried` in the answer says whether this very call sent it more than once.
    """
    subject = f"commands.{SERVICE}.safeguard.{operation}"
    headers = {"Nats-Msg-Id": message_id}
    for attempt in range(5):
        try:
            reply = await nc.request(
                subject, json.dumps(body).encode(), timeout=5, headers=headers
            )
            break
        except nats.errors.Error:  # nobody answered: the platform may be restarting
            if attempt == 4:
                raise
            await asyncio.sleep(2**attempt / 4)
    answer = json.loads(reply.data)
    if not answer["ok"]:
        raise Refused(answer["code"], answer["detail"])
    return {**answer, "retried": attempt > 0}


async def decision_on(js, approval_id: str):
    """Waits for the message with the decision; to be acknowledged once it is acted on.

    A consumer of this stream has the name of its service.
    """
    consumer = await js.pull_subscribe(
        f"decisions.{SERVICE}.>", durable=SERVICE, stream="DECISIONS"
    )
    while True:
        try:
            messages = await consumer.fetch(1, timeout=30)
        except NoMessageYet:
            continue
        for message in messages:
            decision = json.loads(message.data)
            # A real workflow looks the id up among its open requests.
            if decision["id"] == approval_id:
                return message
            # Another instance may be waiting for it.
            await message.nak(delay=5)


def arguments_hash(tool: str, arguments: dict) -> str:
    """SHA-256 of the canonical JSON (RFC 8785); as here for texts, integers and booleans."""
    canonical = json.dumps(
        {"arguments": arguments, "tool_name": tool},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


async def reset_password(username: str) -> str:
    """The risky action itself."""
    return f"Mot de passe temporaire défini pour {username}."


async def main() -> None:
    nc = await nats.connect(
        URL, user=SERVICE, password=KEY, inbox_prefix=f"_INBOX.{SERVICE}"
    )
    js = nc.jetstream()
    # One id per thing you want done. A request's may come from your ticket and step, so that a
    # restart repeats it; a claim's is drawn anew by each process, so that only this one repeats it.
    run = uuid.uuid4().hex

    request = {
        "tool_name": TOOL,
        "arguments": ARGUMENTS,
        "security_level": "L3",
        "context": {
            "ticket_id": 1234,
            "ticket_title": "Reset MDP - Jean Dupont",
            "ticket_description": "L'utilisateur a oublié son mot de passe.",
            "client_id": "42",
            "client_name": "EHPAD Les Jardins",
            "workflow": "SUPPORT",
            "confidence": 95,
        },
        "expires_in_seconds": 3600,
    }
    asked = await command(nc, "request_approval", request, f"{run}-request")
    print("requested", asked["reference"], asked["id"], flush=True)

    message = await decision_on(js, asked["id"])
    decision = json.loads(message.data)
    print("decided", decision["status"], flush=True)
    if decision["status"] != "approved":
        await message.ack()
        await nc.close()
        return

    # Of what is about to run, never copied from the decision.
    claim = {"id": asked["id"], "arguments_hash": arguments_hash(TOOL, ARGUMENTS)}
    try:
        grant = await command(nc, "claim_execution", claim, f"{run}-claim")
    except Refused as refusal:
        print("not executed:", refusal, flush=True)  # e.g. grant_used, grant_lapsed
        await message.ack()
        await nc.close()
        return
    # Not before: what is not claimed yet is delivered again after a crash.
    await message.ack()
    if grant["repeated"] and not grant["retried"]:
        # Given before under this id: whoever got it, perhaps we before a crash, may have acted.
        outcome, detail = "failed", "Déjà réclamée : résultat inconnu, à vérifier."
    else:
        try:
            outcome, detail = "succeeded", await reset_password(**ARGUMENTS)
        except Exception as error:  # whatever happens is reported
            outcome, detail = "failed", str(error)
    report = {"id": asked["id"], "grant_id": grant["grant_id"], "outcome": outcome, "detail": detail}
    await command(nc, "record_execution", report, f"{run}-report")
    print("reported", outcome, flush=True)
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
