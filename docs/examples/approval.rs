//! Ask for an approval, wait for the decision, claim the grant, act, report.
//!
//!     NATS_URL=nats://127.0.0.1:4222 GREFFE_SERVICE=support GREFFE_KEY=grf_support_… approval

use std::{env, error::Error, time::Duration};

use async_nats::{
    Client, HeaderMap, jetstream,
    jetstream::{AckKind, consumer::pull},
};
use futures::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Failure = Box<dyn Error + Send + Sync>;

const TOOL: &str = "ad_reset_password";

/// The bot, as NATS knows it.
struct Workflow {
    name: String,
    client: Client,
}

impl Workflow {
    async fn connect(url: &str, name: String, key: String) -> Result<Self, Failure> {
        let client = async_nats::ConnectOptions::with_user_and_password(name.clone(), key)
            .custom_inbox_prefix(format!("_INBOX.{name}"))
            .connect(url)
            .await?;
        Ok(Self { name, client })
    }

    /// Sends a command. With the same id it may be repeated: it takes effect once. `retried` in the
    /// answer says whether this very call sent it more than once.
    async fn command(&self, operation: &str, body: &Value, id: &str) -> Result<Value, Failure> {
        let subject = format!("commands.{}.safeguard.{operation}", self.name);
        let mut attempt = 0;
        let reply = loop {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", id);
            let payload = body.to_string().into();
            let sent = self
                .client
                .request_with_headers(subject.clone(), headers, payload);
            match sent.await {
                Ok(reply) => break reply,
                Err(error) if attempt == 4 => return Err(error.into()),
                // Nobody answered: the platform may be restarting.
                Err(_) => tokio::time::sleep(Duration::from_millis(250 << attempt)).await,
            }
            attempt += 1;
        };
        let mut answer: Value = serde_json::from_slice(&reply.payload)?;
        answer["retried"] = json!(attempt > 0);
        match answer["ok"] == true {
            true => Ok(answer),
            // `code` says why and never changes its meaning.
            false => Err(format!("{}: {}", answer["code"], answer["detail"]).into()),
        }
    }

    /// Waits for the decision; its message is to be acknowledged once it is acted on. A consumer of
    /// this stream has the name of its service.
    async fn decision_on(
        &self,
        approval_id: &Value,
    ) -> Result<(Value, jetstream::Message), Failure> {
        let context = jetstream::new(self.client.clone());
        // The account may not ask about streams: it names what it uses.
        let stream = context.get_stream_no_info("DECISIONS").await?;
        let consumer = stream
            .create_consumer(pull::Config {
                name: Some(self.name.clone()),
                durable_name: Some(self.name.clone()),
                filter_subject: format!("decisions.{}.>", self.name),
                ..Default::default()
            })
            .await?;
        let mut decisions = consumer.messages().await?;
        while let Some(message) = decisions.next().await {
            let message = message?;
            let decision: Value = serde_json::from_slice(&message.payload)?;
            // A real workflow looks the id up among its open requests.
            if decision["id"] == *approval_id {
                return Ok((decision, message));
            }
            // Another instance may be waiting for it.
            let later = AckKind::Nak(Some(Duration::from_secs(5)));
            message.ack_with(later).await?;
        }
        Err("the consumer has ended".into())
    }
}

/// SHA-256 of the canonical JSON (RFC 8785).
fn arguments_hash(arguments: &Value) -> Result<String, Failure> {
    let what = json!({ "arguments": arguments, "tool_name": TOOL });
    let canonical = serde_json_canonicalizer::to_vec(&what)?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(canonical))))
}

/// The risky action itself.
fn reset_password(arguments: &Value) -> Result<String, Failure> {
    let username = arguments["username"].as_str().ok_or("nobody is named")?;
    Ok(format!("Mot de passe temporaire défini pour {username}."))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let (name, key) = (env::var("GREFFE_SERVICE")?, env::var("GREFFE_KEY")?);
    let workflow = Workflow::connect(&url, name, key).await?;
    // One id per thing you want done. A request's may come from your ticket and step, so that a
    // restart repeats it; a claim's is drawn anew by each process, so that only this one repeats it.
    let run = uuid::Uuid::new_v4();

    let arguments = json!({ "username": "jean.dupont" });
    let request = json!({
        "tool_name": TOOL, "arguments": arguments, "security_level": "L3",
        "context": { "ticket_id": 1234, "ticket_title": "Reset MDP - Jean Dupont",
                     "client_id": "42", "client_name": "EHPAD Les Jardins",
                     "workflow": "SUPPORT", "confidence": 95 },
        "expires_in_seconds": 3600,
    });
    let id = format!("{run}-request");
    let asked = workflow.command("request_approval", &request, &id).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    println!(
        "requested {} {}",
        text(&asked["reference"]),
        text(&asked["id"])
    );

    let (decision, message) = workflow.decision_on(&asked["id"]).await?;
    println!("decided {}", text(&decision["status"]));
    if decision["status"] != "approved" {
        return message.double_ack().await;
    }

    // Of what is about to run, never copied from the decision.
    let claim = json!({ "id": asked["id"], "arguments_hash": arguments_hash(&arguments)? });
    let grant = workflow
        .command("claim_execution", &claim, &format!("{run}-claim"))
        .await?;
    // Not before: what is not claimed yet is delivered again after a crash.
    message.double_ack().await?;
    let (outcome, detail) = if grant["repeated"] == true && grant["retried"] == false {
        // Given before under this id: whoever got it, perhaps we before a crash, may have acted.
        let unknown = "Déjà réclamée : résultat inconnu, à vérifier.";
        ("failed", unknown.to_owned())
    } else {
        match reset_password(&arguments) {
            Ok(done) => ("succeeded", done),
            // Whatever happens is reported.
            Err(error) => ("failed", error.to_string()),
        }
    };
    let report = json!({
        "id": asked["id"], "grant_id": grant["grant_id"], "outcome": outcome, "detail": detail,
    });
    workflow
        .command("record_execution", &report, &format!("{run}-report"))
        .await?;
    println!("reported {outcome}");
    Ok(())
}
