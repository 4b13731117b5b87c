//! Requests that expire sooner than people may ask for.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::safeguard::{Approval, ApprovalCommand, RequestApproval, Requester};
use eventlog::{CommandContext, EventLog};
use kernel::{Actor, AggregateId, Clock, Metadata, SystemClock, new_id};
use serde_json::json;
use uuid::Uuid;

/// A request whose time is over so soon; people must grant at least a minute, so it was made
/// earlier. Its id, and when it expires.
pub async fn expires_in(log: &EventLog, left: Duration) -> (Uuid, DateTime<Utc>) {
    let lifetime = left.as_secs().max(60);
    let expires_at = SystemClock.now() + TimeDelta::from_std(left).unwrap();
    let now = expires_at - TimeDelta::seconds(lifetime as i64);
    let id = new_id();
    let request = RequestApproval {
        approval_id: id,
        requester: Requester {
            actor: Actor::service("support"),
            owner_id: None,
        },
        tool_name: "ad_reset_password".into(),
        arguments: json!({ "username": "jean.dupont" }),
        asked_level: None,
        registry_level: None,
        is_misspelt: false,
        context: Default::default(),
        client: None,
        on_behalf_of: None,
        expires_in_seconds: Some(lifetime),
        now,
    };
    let context = CommandContext {
        metadata: Metadata::new(Actor::service("support"), new_id()),
        key: None,
    };
    let command = ApprovalCommand::Request(Box::new(request));
    let aggregate = AggregateId::new(id.to_string()).unwrap();
    log.execute::<Approval>(&aggregate, command, &(), &context)
        .await
        .unwrap();
    (id, expires_at)
}
