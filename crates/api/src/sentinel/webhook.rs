//! Observium's webhook: a notification is answered once what it says is in the log.
//!
//! Observium tries once and forgets. What cannot be read is therefore kept in `REJECTED`, as it came,
//! and what the log cannot take at the moment goes to `INTAKE` and is answered 202.

use std::time::Duration;

use ::intake::{Accepted, MAX_FACT_BYTES, MESSAGE_ID, NotAccepted, ReadFact, Rejection};
use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use connectors::observium::{self, ClientPattern, Notification, SOURCE, Unreadable};
use domain::FieldError;
use eventlog::{CommandContext, CommandKey, LogError};
use events::intake::{AlertFact, AlertState};
use kernel::{Actor, Metadata, Origin};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, Problem, http::Trace, shapes::CommandAnswer};

/// Under which subject a notification that was refused is kept.
pub(crate) const WEBHOOK_SUBJECT: &str = "intake.observium.webhook";
/// Under which subject a fact goes that the log cannot take at the moment.
const FACT_SUBJECT: &str = "intake.observium.sentinel.alert";
/// The same, as the intake names the kind of fact in a command's key.
const FACT_KIND: &str = "sentinel.alert";
/// What ended the alert of a line of a log.
const LINE_OF_A_LOG: &str = "Ligne de journal";
/// The largest body (bytes): with its headers it fits into a message of NATS.
const MAX_NOTIFICATION_BYTES: usize = MAX_FACT_BYTES - 16 * 1024;
/// How long the log may take; then the fact goes to NATS.
const LOG_WITHIN: Duration = Duration::from_secs(1);
/// How long NATS may take.
const NATS_WITHIN: Duration = Duration::from_secs(2);

/// Settings of the webhook.
#[derive(Clone)]
pub struct ObserviumWebhook {
    token_digest: [u8; 32],
    clients: Option<ClientPattern>,
}

impl ObserviumWebhook {
    /// `token` is what Observium sends as `Authorization`; `clients` finds clients in names of devices.
    pub fn new(token: &str, clients: Option<ClientPattern>) -> Self {
        Self {
            token_digest: Sha256::digest(token).into(),
            clients,
        }
    }

    /// Compares digests of equal length, so that the time taken says nothing of the token.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(header::AUTHORIZATION);
        let sent = sent.map(|value| value.as_bytes()).unwrap_or_default();
        let is_token = |text: &[u8]| {
            let digest: [u8; 32] = Sha256::digest(text).into();
            digest.ct_eq(&self.token_digest)
        };
        let bare = match sent.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case(b"bearer ") => sent[7..].trim_ascii(),
            _ => sent,
        };
        (is_token(sent) | is_token(bare)).into()
    }
}

/// The route of the webhook.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive_observium_alert))
}

/// Takes a notification of Observium's transport `webhook-json`. Its token is compared with
/// `OBSERVIUM_WEBHOOK_TOKEN`, as it is or after `Bearer `.
#[utoipa::path(post, path = "/api/workflows/webhook/observium", tag = "sentinel",
    request_body(content = String, content_type = "application/json",
        description = "The fields of the transport's template; all are texts, those not known are ignored"),
    responses((status = 200, description = "In the log", body = CommandAnswer),
    (status = 202, description = "Stored by NATS; in the log once PostgreSQL is back"),
    (status = 401, description = "unauthenticated"),
    (status = 404, description = "not_found: no token is set"),
    (status = 413, description = "too_large"),
    (status = 422, description = "invalid: kept among the rejected facts"),
    (status = 503, description = "unavailable: kept nowhere")))]
async fn receive_observium_alert(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    Extension(Trace(trace)): Extension<Trace>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(webhook) = &app.config.observium else {
        return Err(Problem::not_found(
            "There is no webhook here: `OBSERVIUM_WEBHOOK_TOKEN` is not set.",
        ));
    };
    if !webhook.admits(request.headers()) {
        let address = origin.ip_address.as_deref();
        app.rate_limits.count_refused_key(address)?;
        return Err(Problem::unauthenticated("This is not the webhook's token."));
    }
    let body = axum::body::to_bytes(request.into_body(), MAX_NOTIFICATION_BYTES)
        .await
        .map_err(|_| Problem::too_large("A notification has 240 KiB at most."))?;
    let metadata = Metadata {
        origin: Some(origin),
        ..Metadata::new(Actor::service(SOURCE), trace)
    };
    take(&app, webhook, &body, metadata).await
}

/// Takes a notification in, or keeps it.
async fn take(
    app: &App,
    webhook: &ObserviumWebhook,
    body: &Bytes,
    metadata: Metadata,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let read = match observium::read(body, webhook.clients.as_ref(), now) {
        Ok(read) => read,
        Err(unreadable) => return Err(reject(app, body, Refused::from(unreadable)).await),
    };
    // The same body twice is one notification; without a time of its own it may be another.
    let name = hex::encode(Sha256::digest(body));
    let name = match read.is_dated {
        true => name,
        false => format!("{name}-{}", kernel::new_id()),
    };
    let facts = facts(read, &name);
    match timeout(LOG_WITHIN, accept(app, &facts, &metadata, now)).await {
        Ok(Ok(accepted)) => Ok(answer(accepted).into_response()),
        Ok(Err(not_accepted)) => match Refused::of(not_accepted) {
            Ok(refused) => Err(reject(app, body, refused).await),
            Err(error) => {
                tracing::warn!(%error, "the log cannot take a notification: it goes to INTAKE");
                hand_over(app, &facts).await
            }
        },
        Err(_) => {
            tracing::warn!("the log takes long for a notification: it goes to INTAKE as well");
            hand_over(app, &facts).await
        }
    }
}

/// A fact, and what names it: its id as a message and as a command.
struct NamedFact {
    fact: ReadFact,
    name: String,
}

/// What a notification says. Of a line of a log nothing will ever say that it is over: it is at once.
fn facts(read: Notification, name: &str) -> Vec<NamedFact> {
    let over = read.is_moment.then(|| AlertFact {
        state: AlertState::Up,
        resolution: Some(LINE_OF_A_LOG.to_owned()),
        ..read.fact.clone()
    });
    let named = |fact, name| NamedFact {
        fact: ReadFact::Alert(Box::new(fact)),
        name,
    };
    let mut facts = vec![named(read.fact, name.to_owned())];
    facts.extend(over.map(|fact| named(fact, format!("{name}-over"))));
    facts
}

/// Takes them into the log in their order; the answer is that of the last. After a failure all may
/// be sent again: each counts once.
async fn accept(
    app: &App,
    facts: &[NamedFact],
    metadata: &Metadata,
    now: DateTime<Utc>,
) -> Result<Accepted, NotAccepted> {
    let mut last = None;
    for NamedFact { fact, name } in facts {
        let context = context(app, fact, name, metadata.clone())?;
        last = Some(fact.clone().accept(&app.log, &context, now).await?);
    }
    last.ok_or_else(|| LogError::Corrupt("a notification without a fact".into()).into())
}

/// Takes a notification that was refused once more, perhaps corrected.
pub(crate) async fn receive_again(
    app: &App,
    body: &[u8],
    name: &str,
    metadata: Metadata,
    received_at: DateTime<Utc>,
) -> Result<CommandAnswer, Problem> {
    let clients = app.config.observium.as_ref();
    let clients = clients.and_then(|webhook| webhook.clients.as_ref());
    let read = observium::read(body, clients, received_at)
        .map_err(|unreadable| Refused::from(unreadable).problem())?;
    let metadata = Metadata {
        actor: Actor::service(SOURCE),
        ..metadata
    };
    match accept(app, &facts(read, name), &metadata, app.clock.now()).await {
        Ok(accepted) => Ok(answer(accepted)),
        Err(not_accepted) => Err(match Refused::of(not_accepted) {
            Ok(refused) => refused.problem(),
            Err(error) => error.into(),
        }),
    }
}

/// The key is that of the intake: a fact that comes both ways is taken once.
fn context(
    app: &App,
    fact: &ReadFact,
    name: &str,
    metadata: Metadata,
) -> Result<CommandContext, LogError> {
    let (vault, actor) = (app.log.vault(), &metadata.actor);
    let key = CommandKey::for_caller(vault, actor, "intake", name, &(FACT_KIND, fact))
        .map_err(|error| LogError::Corrupt(error.to_string()))?;
    Ok(CommandContext {
        key: Some(key),
        metadata,
    })
}

fn answer(accepted: Accepted) -> CommandAnswer {
    CommandAnswer {
        id: accepted.aggregate_id.to_string(),
        version: accepted.version,
        position: accepted.position,
        repeated: accepted.repeated,
        more: serde_json::Map::new(),
    }
}

/// Why a notification is not taken.
struct Refused {
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        let code = match unreadable {
            Unreadable::Missing(_) => "required",
            Unreadable::NotAnObject | Unreadable::UnknownState => "invalid",
        };
        let fields = unreadable.field().into_iter();
        Self {
            code: "invalid",
            detail: format!("The notification cannot be read: {unreadable}."),
            errors: fields.map(|field| FieldError::new(field, code)).collect(),
        }
    }
}

impl Refused {
    /// `Err` if it is no refusal: the log could not be asked.
    fn of(not_accepted: NotAccepted) -> Result<Self, LogError> {
        match not_accepted {
            NotAccepted::Refused {
                code,
                detail,
                errors,
            } => Ok(Self {
                code,
                detail,
                errors,
            }),
            NotAccepted::Failed(error) => Err(error),
        }
    }

    fn problem(self) -> Problem {
        let errors = self
            .errors
            .into_iter()
            .map(|it| crate::problem::FieldError {
                field: it.field,
                code: it.code,
            });
        Problem {
            errors: errors.collect(),
            ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, self.code, self.detail)
        }
    }
}

/// Keeps a notification that cannot be taken, as it came. The answer is a refusal in any case.
async fn reject(app: &App, body: &Bytes, refused: Refused) -> Problem {
    let Some(rejected) = &app.rejected else {
        return Problem::unavailable("NATS is not configured: the notification is not kept.");
    };
    let digest = hex::encode(Sha256::digest(body));
    let rejection = Rejection {
        subject: WEBHOOK_SUBJECT,
        id: &format!("webhook-{digest}"),
        original_id: &digest,
        code: refused.code,
        detail: &refused.detail,
        errors: &refused.errors,
        headers: None,
        body: body.clone(),
    };
    let kept = timeout(NATS_WITHIN, rejected.publish(rejection)).await;
    match kept {
        Ok(Ok(())) => refused.problem(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a notification that was refused could not be kept");
            Problem::unavailable("The notification cannot be taken, and not be kept just now.")
        }
        Err(_) => {
            tracing::warn!("a notification that was refused could not be kept: NATS is silent");
            Problem::unavailable("The notification cannot be taken, and not be kept just now.")
        }
    }
}

/// Hands facts to NATS, from where they come into the log once that is back.
async fn hand_over(app: &App, facts: &[NamedFact]) -> Result<Response, Problem> {
    let stored = timeout(NATS_WITHIN, publish(app, facts)).await;
    match stored {
        Ok(Ok(())) => Ok(StatusCode::ACCEPTED.into_response()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a notification is lost: neither the log nor NATS took it");
            Err(Problem::unavailable("Neither the log nor NATS is there."))
        }
        Err(_) => {
            tracing::warn!("a notification is lost: neither the log nor NATS answered in time");
            Err(Problem::unavailable("Neither the log nor NATS is there."))
        }
    }
}

/// One after the other is stored: the intake keeps their order.
async fn publish(app: &App, facts: &[NamedFact]) -> Result<(), String> {
    let nats = app.nats.clone().ok_or("NATS is not configured")?;
    // What is sent while it is away would wait in memory and be told as stored.
    if nats.connection_state() != async_nats::connection::State::Connected {
        return Err("NATS is away".to_owned());
    }
    let stream = async_nats::jetstream::new(nats);
    for NamedFact { fact, name } in facts {
        let body = serde_json::to_vec(fact).map_err(|error| error.to_string())?;
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(MESSAGE_ID, name.as_str());
        let sent = stream
            .publish_with_headers(FACT_SUBJECT, headers, body.into())
            .await
            .map_err(|error| error.to_string())?;
        sent.await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(sent: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(header::AUTHORIZATION, sent.parse().unwrap());
        }
        ObserviumWebhook::new("s3cret token", None).admits(&headers)
    }

    #[test]
    fn the_token_is_taken_raw_and_as_a_bearer() {
        assert!(admitted(Some("s3cret token")));
        assert!(admitted(Some("Bearer s3cret token")));
        assert!(admitted(Some("bearer  s3cret token")));
        for wrong in [
            "s3cret",
            "s3cret token2",
            "Basic s3cret token",
            "Bearer",
            "",
        ] {
            assert!(!admitted(Some(wrong)), "{wrong}");
        }
        assert!(!admitted(None));
    }

    #[test]
    fn a_token_that_looks_like_a_scheme_is_one() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer x".parse().unwrap());
        assert!(ObserviumWebhook::new("Bearer x", None).admits(&headers));
    }
}
