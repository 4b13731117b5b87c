/**
 * Ask for an approval, wait for the decision, claim the grant, act, report.
 *
 *     NATS_URL=nats://127.0.0.1:4222 GREFFE_SERVICE=support GREFFE_KEY=grf_support_… node approval.js
 */

import { createHash, randomUUID } from "node:crypto";
import { AckPolicy, jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";

const url = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const name = process.env.GREFFE_SERVICE ?? "support";
const key = process.env.GREFFE_KEY;

const tool = "ad_reset_password";
const args = { username: "jean.dupont" };

interface Answer {
  ok: boolean;
  code?: string;
  detail?: string;
  id: string;
  reference: string;
  grant_id: string;
  /** Whether this answer was given before, to an earlier sending with the same id. */
  repeated: boolean;
  /** Whether this very call sent it more than once. */
  retried: boolean;
}

interface Decision {
  id: string;
  status: string;
}

/** The platform said no; `code` says why and never changes its meaning. */
class Refused extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(`${code}: ${detail}`);
  }
}

/** Sends a command. With the same id it may be repeated: it takes effect once. */
async function command(nc: NatsConnection, operation: string, body: unknown, id: string): Promise<Answer> {
  const h = headers();
  h.set("Nats-Msg-Id", id);
  const subject = `commands.${name}.safeguard.${operation}`;
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await nc.request(subject, JSON.stringify(body), { timeout: 5_000, headers: h });
      const answer = reply.json<Answer>();
      if (!answer.ok) throw new Refused(answer.code ?? "internal", answer.detail ?? "");
      return { ...answer, retried: attempt > 0 };
    } catch (error) {
      // Nobody answered: the platform may be restarting.
      if (error instanceof Refused || attempt === 4) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    }
  }
}

/**
 * Waits for the message with the decision; to be acknowledged once it is acted on.
 * A consumer of this stream has the name of its service.
 */
async function decisionOn(nc: NatsConnection, approvalId: string): Promise<JsMsg> {
  // The account may not list streams: skip the check, and name everything.
  const options = { checkAPI: false };
  const jsm = await jetstreamManager(nc, options);
  await jsm.consumers.add("DECISIONS", {
    name,
    durable_name: name,
    filter_subject: `decisions.${name}.>`,
    ack_policy: AckPolicy.Explicit,
  });
  const consumer = await jetstream(nc, options).consumers.get("DECISIONS", name);
  const messages = await consumer.consume();
  for await (const message of messages) {
    const decision = message.json<Decision>();
    // A real workflow looks the id up among its open requests.
    if (decision.id === approvalId) return message;
    // Another instance may be waiting for it.
    message.nak(5_000);
  }
  throw new Error("the consumer has ended");
}

/** SHA-256 of the canonical JSON (RFC 8785); a library is needed for nested arguments. */
function argumentsHash(): string {
  const canonical = JSON.stringify({ arguments: args, tool_name: tool });
  return "sha256:" + createHash("sha256").update(canonical).digest("hex");
}

/** The risky action itself. */
async function resetPassword(username: string): Promise<string> {
  return `Mot de passe temporaire défini pour ${username}.`;
}

async function main(nc: NatsConnection): Promise<void> {
  // One id per thing you want done. A request's may come from your ticket and step, so that a
  // restart repeats it; a claim's is drawn anew by each process, so that only this one repeats it.
  const run = randomUUID();
  const request = {
    tool_name: tool,
    arguments: args,
    security_level: "L3",
    context: {
      ticket_id: 1234,
      ticket_title: "Reset MDP - Jean Dupont",
      client_id: "42",
      client_name: "EHPAD Les Jardins",
      workflow: "SUPPORT",
      confidence: 95,
    },
    expires_in_seconds: 3600,
  };
  const asked = await command(nc, "request_approval", request, `${run}-request`);
  console.log("requested", asked.reference, asked.id);

  const message = await decisionOn(nc, asked.id);
  const { status } = message.json<Decision>();
  console.log("decided", status);
  if (status !== "approved") {
    await message.ackAck();
    return;
  }

  // Of what is about to run, never copied from the decision.
  const claim = { id: asked.id, arguments_hash: argumentsHash() };
  const grant = await command(nc, "claim_execution", claim, `${run}-claim`);
  // Not before: what is not claimed yet is delivered again after a crash.
  await message.ackAck();
  let outcome = "succeeded";
  let detail: string;
  if (grant.repeated && !grant.retried) {
    // Given before under this id: whoever got it, perhaps we before a crash, may have acted.
    outcome = "failed";
    detail = "Déjà réclamée : résultat inconnu, à vérifier.";
  } else {
    try {
      detail = await resetPassword(args.username);
    } catch (error) {
      // Whatever happens is reported.
      outcome = "failed";
      detail = String(error);
    }
  }
  const report = { id: asked.id, grant_id: grant.grant_id, outcome, detail };
  await command(nc, "record_execution", report, `${run}-report`);
  console.log("reported", outcome);
}

const nc = await connect({ servers: url, user: name, pass: key, inboxPrefix: `_INBOX.${name}` });
try {
  await main(nc);
} finally {
  await nc.close();
}
