//! A platform with a little traffic on it.

use futures::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::place::{
    Place, Up,
    caller::Caller,
    cluster::{Setting, create_user, settings, succeeded},
    eventually, free_address, output,
};

pub const PERSON: &str = "jean.dupont";
pub const TITLE: &str = "Reset MDP - Jean Dupont";
pub const COMMENT: &str = "vu avec Jean Dupont ce matin";

/// `greffe up`, a service and two administrators.
pub struct Stage {
    pub place: Place,
    pub up: Up,
    pub key: String,
    pub admin: Caller,
    pub support: Caller,
    /// For operators.
    pub health: String,
}

impl Stage {
    pub async fn start(more: &[Setting]) -> Self {
        let place = Place::new();
        let health = free_address();
        let own = [("GREFFE_HEALTH_LISTEN", health.clone())];
        let settings = [&settings()[..], &own, more].concat();
        for username in ["admin", PERSON] {
            create_user(&place, username, &settings);
        }
        let words = [
            "service-account",
            "create",
            "--name",
            "support",
            "--owner",
            "admin",
        ];
        let mut command = place.command(&words);
        command.args(["--scope", "safeguard.request", "--scope", "safeguard.read"]);
        command.envs(settings.clone());
        let key = succeeded(&output(command, "")).trim().to_owned();
        let up = place.up_with(&settings);
        let admin = Caller::sign_in(&place.address, PERSON).await;
        let client = json!({ "id": "44", "name": "EHPAD Les Jardins", "critical": false });
        admin.done("/api/clients", &client).await;
        Self {
            admin,
            support: Caller::with_key(&place.address, &key),
            key,
            place,
            up,
            health,
        }
    }

    /// Connected to NATS as the service.
    pub async fn service(&self) -> async_nats::Client {
        let nats = self.place.endpoints()["nats"].as_str().unwrap().to_owned();
        async_nats::ConnectOptions::with_user_and_password("support".into(), self.key.clone())
            .custom_inbox_prefix("_INBOX.support")
            .connect(nats)
            .await
            .unwrap()
    }

    /// Asks over NATS, approves, claims and reports, while a socket watches; what was asked.
    pub async fn traffic(&self, headers: async_nats::HeaderMap) -> Value {
        let mut socket = self.socket().await;
        let service = self.service().await;
        let call = async |operation: &str, headers, body: Value| {
            let subject = format!("commands.support.safeguard.{operation}");
            let sent = service.request_with_headers(subject, headers, body.to_string().into());
            let reply: Value = serde_json::from_slice(&sent.await.unwrap().payload).unwrap();
            assert_eq!(reply["ok"], true, "{reply}");
            reply
        };
        let asked = call("request_approval", headers, request()).await;
        let id = asked["id"].as_str().unwrap();
        let frame = loop {
            let message = socket.next().await.unwrap().unwrap();
            let frame: Value = match message {
                Message::Text(text) => serde_json::from_str(&text).unwrap(),
                _ => continue,
            };
            if frame["type"] == "safeguard:new_request" {
                break frame;
            }
        };
        assert_eq!(frame["position"], asked["position"]);
        let path = format!("/api/safeguard/{id}/approve");
        let body = json!({ "version": asked["version"], "comment": COMMENT });
        self.admin.done(&path, &body).await;
        let read = self.admin.read(&format!("/api/safeguard/{id}")).await;
        let body = json!({ "id": id, "arguments_hash": read["arguments_hash"] });
        let claimed = call("claim_execution", async_nats::HeaderMap::new(), body).await;
        let body = json!({ "id": id, "grant_id": claimed["grant_id"], "outcome": "succeeded", "detail": TITLE });
        call("record_execution", async_nats::HeaderMap::new(), body).await;
        asked
    }

    async fn socket(
        &self,
    ) -> impl futures::Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>>
    + Unpin
    + use<> {
        let url = format!("ws://{}/api/safeguard/ws", self.place.address);
        let mut request = url.into_client_request().unwrap();
        let protocols = format!("greffe.v1, bearer.{}", self.admin.token);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocols.parse().unwrap());
        tokio_tungstenite::connect_async(request).await.unwrap().0
    }

    pub async fn metrics(&self) -> String {
        let answer = reqwest::get(format!("http://{}/metrics", self.health))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// Once the decision has been told: the last of what the traffic leads to.
    pub async fn told(&self) {
        eventually("the decision is told", || async {
            let metrics = self.metrics().await;
            metrics
                .contains("greffe_decisions_published_total{")
                .then_some(())
        })
        .await;
    }
}

/// Full of what is personal.
pub fn request() -> Value {
    json!({
        "tool_name": "ad_reset_password", "arguments": { "username": PERSON },
        "security_level": "L3", "expires_in_seconds": 60,
        "context": { "ticket_id": 1234, "ticket_title": TITLE, "client_id": "44", "workflow": "SUPPORT" },
    })
}
