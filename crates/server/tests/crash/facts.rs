//! A bot that tells facts while processes and servers are killed. What JetStream has acknowledged is
//! in the log once in the end.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{
    Client,
    jetstream::{self, context::traits::Publisher, message::PublishMessage},
};
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::place::eventually;

const ANSWER_WITHIN: Duration = Duration::from_secs(3);
const REST: Duration = Duration::from_millis(15);

pub struct Facts {
    stop: CancellationToken,
    telling: JoinHandle<Vec<i64>>,
}

impl Facts {
    /// Tells of one ticket after another, each until it is acknowledged.
    pub fn start(nats: Client) -> Self {
        let stop = CancellationToken::new();
        let telling = tokio::spawn(tell(nats, stop.clone()));
        Self { stop, telling }
    }

    /// The tickets of which JetStream has acknowledged the facts.
    pub async fn stop(self) -> Vec<i64> {
        self.stop.cancel();
        self.telling.await.unwrap()
    }
}

async fn tell(nats: Client, stop: CancellationToken) -> Vec<i64> {
    let mut context = jetstream::new(nats);
    context.set_timeout(ANSWER_WITHIN);
    let mut told = Vec::new();
    for ticket in 1.. {
        if stop.is_cancelled() {
            break;
        }
        while !is_acknowledged(&context, ticket).await {
            tokio::time::sleep(REST).await;
        }
        told.push(ticket);
        tokio::time::sleep(REST).await;
    }
    told
}

async fn is_acknowledged(context: &jetstream::Context, ticket: i64) -> bool {
    let body = json!({
        "ticket_id": ticket, "title": "Reset MDP - jean.dupont", "category": "RESET_MDP",
        "outcome": "resolved", "automatic": true, "duration_ms": 8400,
        "occurred_at": "2026-03-10T08:30:00Z",
    });
    let message = PublishMessage::build()
        .message_id(format!("ticket-{ticket}"))
        .payload(body.to_string().into())
        .outbound_message("intake.support.support.ticket_processed");
    match context.publish_message(message).await {
        Ok(sent) => sent.await.is_ok(),
        Err(_) => false,
    }
}

/// Waits until everything is taken in, and fails unless each ticket is in the log once.
pub async fn assert_once(pool: &PgPool, platform: &Client, told: &[i64]) {
    let context = jetstream::new(platform.clone());
    let messages = async |stream: &str| {
        let mut stream = context.get_stream(stream).await.ok()?;
        Some(stream.info().await.ok()?.state.messages)
    };
    eventually("all facts are taken in", || async {
        (messages("INTAKE").await? == 0).then_some(())
    })
    .await;
    let rejected = messages("REJECTED").await.unwrap_or(0);
    assert_eq!(rejected, 0, "nothing is refused");
    let logged: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT (payload ->> 'ticket_id')::bigint, count(*) FROM events
         WHERE event_type = 'support.ticket.processed' GROUP BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let logged: BTreeMap<i64, i64> = logged.into_iter().collect();
    let expected: BTreeMap<i64, i64> = told.iter().map(|ticket| (*ticket, 1)).collect();
    assert_eq!(
        logged, expected,
        "tickets, and how often they are in the log"
    );
    println!("{} facts, each in the log once", told.len());
}
