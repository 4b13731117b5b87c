//! What users.conf keeps apart, proved on a real nats-server: a refusal counts only when the server
//! says "Permissions Violation", not when nothing comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use async_nats::{Client, Event};
use futures::StreamExt;
use serde_json::json;
use testkit::{TestNats, UserKind};
use tokio::sync::mpsc;

const SOON: Duration = Duration::from_secs(3);
/// What the platform makes at the creation of a stream and nobody else knows.
const SECRET: &str = "d3b07384d113edec";

struct Caller {
    client: Client,
    name: &'static str,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Caller {
    async fn connect(nats: &TestNats, name: &'static str, password: &str) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let options = async_nats::ConnectOptions::with_user_and_password(
            name.to_owned(),
            password.to_owned(),
        );
        let client = options
            .custom_inbox_prefix(format!("_INBOX.{name}"))
            .event_callback(move |event| {
                let _ = sender.send(event);
                async {}
            })
            .connect(nats.url())
            .await
            .unwrap();
        Self {
            client,
            name,
            events,
        }
    }

    /// The server's next complaint.
    async fn violation(&mut self) -> String {
        loop {
            let event = tokio::time::timeout(SOON, self.events.recv()).await;
            match event.expect("the server complains").unwrap() {
                Event::ServerError(error) => return error.to_string().to_lowercase(),
                _ => continue,
            }
        }
    }

    async fn may_not_publish(&mut self, subject: &str) {
        self.client
            .publish(subject.to_owned(), "{}".into())
            .await
            .unwrap();
        self.client.flush().await.unwrap();
        let said = self.violation().await;
        let expected = format!("permissions violation for publish to \"{subject}\"").to_lowercase();
        assert!(said.contains(&expected), "{}: {subject}: {said}", self.name);
    }

    async fn may_not_subscribe(&mut self, subject: &str) {
        let _subscriber = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.client.flush().await.unwrap();
        let said = self.violation().await;
        let expected =
            format!("permissions violation for subscription to \"{subject}\"").to_lowercase();
        assert!(said.contains(&expected), "{}: {subject}: {said}", self.name);
    }

    /// A request that is let through; the answer as JSON.
    async fn ask(&self, subject: &str, body: serde_json::Value) -> serde_json::Value {
        let request = self
            .client
            .request(subject.to_owned(), body.to_string().into());
        let reply = tokio::time::timeout(SOON, request).await.unwrap().unwrap();
        serde_json::from_slice(&reply.payload).unwrap()
    }

    fn has_complaints(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            if matches!(event, Event::ServerError(_)) {
                return true;
            }
        }
        false
    }
}

/// A stream only the platform can write: it listens where nobody else can guess.
fn guarded(name: &str, prefix: &str) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{SECRET}.{prefix}.>")],
        subject_transform: Some(stream::SubjectTransform {
            source: format!("{SECRET}.{prefix}.>"),
            destination: format!("{prefix}.>"),
        }),
        ..Default::default()
    }
}

struct World {
    nats: TestNats,
    platform: jetstream::Context,
    support: Caller,
    sentinel: Caller,
    bi: Caller,
}

async fn world() -> World {
    let nats = testkit::nats().await;
    let platform = jetstream::new(nats.client().await);
    platform
        .create_stream(guarded("EVENTS", "events"))
        .await
        .unwrap();
    let republish = stream::Republish {
        source: "decisions.>".to_owned(),
        destination: "decisions.>".to_owned(),
        headers_only: false,
    };
    let decisions = stream::Config {
        republish: Some(republish),
        ..guarded("DECISIONS", "decisions")
    };
    platform.create_stream(decisions).await.unwrap();
    let intake = stream::Config {
        name: "INTAKE".to_owned(),
        subjects: vec!["intake.>".to_owned()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..Default::default()
    };
    platform.create_stream(intake).await.unwrap();
    let support_password = nats.add_user("support", UserKind::Service).await;
    let sentinel_password = nats.add_user("sentinel", UserKind::Service).await;
    let bi_password = nats.add_user("bi", UserKind::Reader).await;
    let support = Caller::connect(&nats, "support", &support_password).await;
    let sentinel = Caller::connect(&nats, "sentinel", &sentinel_password).await;
    let bi = Caller::connect(&nats, "bi", &bi_password).await;
    World {
        nats,
        platform,
        support,
        sentinel,
        bi,
    }
}

async fn publish(platform: &jetstream::Context, subject: &str) {
    let subject = format!("{SECRET}.{subject}");
    platform
        .publish(subject, "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
}

async fn messages(platform: &jetstream::Context, stream: &str) -> u64 {
    platform
        .get_stream(stream)
        .await
        .unwrap()
        .cached_info()
        .state
        .messages
}

fn consumer(stream: &str, name: &str, filter: Option<&str>) -> serde_json::Value {
    let mut config = json!({"durable_name": name, "name": name, "ack_policy": "explicit"});
    if let Some(filter) = filter {
        config["filter_subject"] = json!(filter);
    }
    json!({"stream_name": stream, "config": config, "action": ""})
}

#[tokio::test]
async fn a_service_can_do_its_work() {
    let World {
        platform,
        mut support,
        nats,
        ..
    } = world().await;
    let core = nats.client().await;
    let mut commands = core.subscribe("commands.*.safeguard.>").await.unwrap();
    let mut live = support
        .client
        .subscribe("decisions.support.>")
        .await
        .unwrap();
    support.client.flush().await.unwrap();
    core.flush().await.unwrap();
    let context = jetstream::new(support.client.clone());
    context
        .publish("intake.support.sentinel.alert", "{}".into())
        .await
        .unwrap()
        .await
        .unwrap();
    support
        .client
        .publish("commands.support.safeguard.request_approval", "{}".into())
        .await
        .unwrap();
    let received = tokio::time::timeout(SOON, commands.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        received.subject.as_str(),
        "commands.support.safeguard.request_approval"
    );

    publish(&platform, "decisions.support.1.approved").await;
    publish(&platform, "decisions.sentinel.2.approved").await;
    let seen = tokio::time::timeout(SOON, live.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.subject.as_str(), "decisions.support.1.approved");

    // As async-nats does it: create, fetch, acknowledge.
    let config = jetstream::consumer::pull::Config {
        durable_name: Some("support".to_owned()),
        name: Some("support".to_owned()),
        filter_subject: "decisions.support.>".to_owned(),
        ..Default::default()
    };
    let stream = context.get_stream_no_info("DECISIONS").await.unwrap();
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut batch = consumer.fetch().max_messages(10).messages().await.unwrap();
    let mut subjects = Vec::new();
    while let Some(Ok(message)) = batch.next().await {
        subjects.push(message.subject.to_string());
        message.double_ack().await.unwrap();
    }
    assert_eq!(subjects, ["decisions.support.1.approved"]);
    assert!(!support.has_complaints());
}

#[tokio::test]
async fn a_service_cannot_speak_as_another() {
    let World {
        nats: _running,
        mut support,
        ..
    } = world().await;
    for subject in [
        "commands.sentinel.safeguard.request_approval",
        "queries.sentinel.safeguard.approval",
        "intake.sentinel.sentinel.alert",
        "events.safeguard.approval.approved",
        "decisions.support.1.approved",
        "rejected.intake.support.x",
        "_INBOX.sentinel.1",
        "$JS.ACK.DECISIONS.sentinel.1.1.1.1.1",
        "$SYS.REQ.SERVER.PING",
    ] {
        support.may_not_publish(subject).await;
    }
}

#[tokio::test]
async fn a_service_hears_only_its_own() {
    let World {
        nats: _running,
        mut support,
        ..
    } = world().await;
    for subject in [
        "decisions.sentinel.>",
        "decisions.>",
        "decisions.*.*.approved",
        "_INBOX.sentinel.>",
        "_INBOX.>",
        "events.>",
        "commands.support.>",
        "intake.>",
        "$JS.>",
        "$SRV.>",
        ">",
    ] {
        support.may_not_subscribe(subject).await;
    }
}

#[tokio::test]
async fn a_service_cannot_reach_other_consumers_or_streams() {
    let World {
        nats: _running,
        mut support,
        sentinel,
        platform,
        ..
    } = world().await;
    let api = "$JS.API.CONSUMER";
    let own = format!("{api}.CREATE.DECISIONS.sentinel.decisions.sentinel.>");
    let body = consumer("DECISIONS", "sentinel", Some("decisions.sentinel.>"));
    assert_eq!(sentinel.ask(&own, body).await["name"], "sentinel");
    for subject in [
        // Unfiltered, or with a filter that the subject does not show.
        "$JS.API.CONSUMER.CREATE.DECISIONS",
        "$JS.API.CONSUMER.CREATE.DECISIONS.support",
        "$JS.API.CONSUMER.DURABLE.CREATE.DECISIONS.support",
        "$JS.API.CONSUMER.CREATE.DECISIONS.support.decisions.sentinel.>",
        "$JS.API.CONSUMER.CREATE.DECISIONS.support.>",
        // Another's consumer: change, read, look, remove, acknowledge.
        "$JS.API.CONSUMER.CREATE.DECISIONS.sentinel.decisions.support.>",
        "$JS.API.CONSUMER.MSG.NEXT.DECISIONS.sentinel",
        "$JS.API.CONSUMER.INFO.DECISIONS.sentinel",
        "$JS.API.CONSUMER.DELETE.DECISIONS.sentinel",
        "$JS.API.CONSUMER.DELETE.DECISIONS.support",
        "$JS.API.CONSUMER.PAUSE.DECISIONS.sentinel",
        "$JS.API.CONSUMER.NAMES.DECISIONS",
        "$JS.API.CONSUMER.CREATE.EVENTS.support.events.>",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.support",
        "$JS.API.STREAM.INFO.EVENTS",
        "$JS.API.STREAM.INFO.DECISIONS",
        "$JS.API.STREAM.MSG.GET.DECISIONS",
        "$JS.API.DIRECT.GET.DECISIONS",
        "$JS.API.STREAM.DELETE.DECISIONS",
        "$JS.API.STREAM.PURGE.DECISIONS",
        "$JS.API.STREAM.PURGE.INTAKE",
        "$JS.API.STREAM.CREATE.OWN",
        "$JS.API.STREAM.UPDATE.DECISIONS",
    ] {
        support.may_not_publish(subject).await;
    }
    // The subject's filter binds: a body with another one is refused by the server.
    let own = format!("{api}.CREATE.DECISIONS.support.decisions.support.>");
    for filter in [None, Some("decisions.>"), Some("decisions.sentinel.>")] {
        let reply = support
            .ask(&own, consumer("DECISIONS", "support", filter))
            .await;
        assert!(reply["error"]["code"].is_number(), "{filter:?}: {reply}");
    }
    let mut several = consumer("DECISIONS", "support", None);
    several["config"]["filter_subjects"] = json!(["decisions.support.>", "decisions.sentinel.>"]);
    assert!(support.ask(&own, several).await["error"]["code"].is_number());
    let renamed = consumer("DECISIONS", "sentinel", Some("decisions.support.>"));
    assert!(support.ask(&own, renamed).await["error"]["code"].is_number());
    let elsewhere = consumer("EVENTS", "support", Some("decisions.support.>"));
    assert!(support.ask(&own, elsewhere).await["error"]["code"].is_number());
    let decisions = platform.get_stream("DECISIONS").await.unwrap();
    assert_eq!(decisions.cached_info().state.consumer_count, 1);
}

/// nats-server answers on any reply subject a client names: its answer must not become an event.
#[tokio::test]
async fn a_reply_subject_writes_into_no_stream_of_the_platform() {
    let World {
        nats: _running,
        platform,
        support,
        ..
    } = world().await;
    publish(&platform, "events.safeguard.approval.requested").await;
    publish(&platform, "decisions.support.1.approved").await;
    let own = "$JS.API.CONSUMER.CREATE.DECISIONS.support.decisions.support.>";
    support
        .ask(
            own,
            consumer("DECISIONS", "support", Some("decisions.support.>")),
        )
        .await;
    let next = "$JS.API.CONSUMER.MSG.NEXT.DECISIONS.support";
    for reply in [
        "events.safeguard.approval.approved",
        "decisions.sentinel.1.approved",
    ] {
        for subject in [
            "intake.support.x",
            next,
            "$JS.API.CONSUMER.INFO.DECISIONS.support",
            "$SRV.PING",
        ] {
            support
                .client
                .publish_with_reply(subject, reply, "".into())
                .await
                .unwrap();
        }
    }
    support.client.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        messages(&platform, "INTAKE").await,
        2,
        "the requests themselves arrived"
    );
    assert_eq!(messages(&platform, "EVENTS").await, 1);
    assert_eq!(messages(&platform, "DECISIONS").await, 1);
    // The check bites: a stream on guessable subjects would have been written to.
    let naive = stream::Config {
        name: "NAIVE".to_owned(),
        subjects: vec!["naive.>".to_owned()],
        ..Default::default()
    };
    platform.create_stream(naive).await.unwrap();
    support
        .client
        .publish_with_reply("intake.support.x", "naive.a", "".into())
        .await
        .unwrap();
    support.client.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(messages(&platform, "NAIVE").await, 1);
}

#[tokio::test]
async fn a_reader_reads_events_and_nothing_else() {
    let World {
        nats: _running,
        platform,
        mut bi,
        ..
    } = world().await;
    for _ in 0..3 {
        publish(&platform, "events.safeguard.approval.requested").await;
    }
    let context = jetstream::new(bi.client.clone());
    let stream = context.get_stream_no_info("EVENTS").await.unwrap();
    let config = jetstream::consumer::pull::Config {
        durable_name: Some("bi".to_owned()),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut batch = consumer.fetch().max_messages(10).messages().await.unwrap();
    let mut sequences = Vec::new();
    while let Some(Ok(message)) = batch.next().await {
        sequences.push(message.info().unwrap().stream_sequence);
        message.double_ack().await.unwrap();
    }
    assert_eq!(sequences, [1, 2, 3]);
    assert!(!bi.has_complaints());
    for subject in [
        "events.safeguard.approval.approved",
        "commands.bi.safeguard.request_approval",
        "intake.bi.sentinel.alert",
        "$SRV.PING",
        // It would show the prefix under which EVENTS takes messages.
        "$JS.API.STREAM.INFO.EVENTS",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$JS.API.CONSUMER.DELETE.EVENTS.bi",
        "$JS.API.CONSUMER.CREATE.DECISIONS.bi.decisions.>",
        // A consumer of another name: many would leave no room for the platform's own.
        "$JS.API.CONSUMER.CREATE.EVENTS",
        "$JS.API.CONSUMER.CREATE.EVENTS.bi2",
        "$JS.API.CONSUMER.CREATE.EVENTS.siem.events.>",
        "$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.siem",
        // Another's consumer: read, look, acknowledge.
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.siem",
        "$JS.API.CONSUMER.INFO.EVENTS.siem",
        "$JS.ACK.EVENTS.siem.1.1.1.1.1",
        "greffe.consumer.delete.EVENTS.bi",
        "$JS.API.STREAM.INFO.DECISIONS",
    ] {
        bi.may_not_publish(subject).await;
    }
    for subject in ["events.>", "decisions.>", "_INBOX.support.>", ">"] {
        bi.may_not_subscribe(subject).await;
    }
}

#[tokio::test]
async fn a_reader_has_one_consumer_and_only_the_system_user_removes_it() {
    let World {
        nats, platform, bi, ..
    } = world().await;
    let api = "$JS.API.CONSUMER.CREATE.EVENTS.bi";
    let renamed = consumer("EVENTS", "bi2", None);
    assert!(bi.ask(api, renamed).await["error"]["code"].is_number());
    let filtered = format!("{api}.events.safeguard.>");
    let body = consumer("EVENTS", "bi", Some("events.safeguard.>"));
    assert_eq!(bi.ask(&filtered, body).await["name"], "bi");
    let consumers = async || {
        let events = platform.get_stream("EVENTS").await.unwrap();
        events.cached_info().state.consumer_count
    };
    assert_eq!(consumers().await, 1);
    nats.delete_consumer("EVENTS", "bi").await;
    assert_eq!(consumers().await, 0);
    assert_eq!(
        bi.ask(api, consumer("EVENTS", "bi", None)).await["name"],
        "bi"
    );
}

#[tokio::test]
async fn the_platform_may_do_everything() {
    let World { platform, nats, .. } = world().await;
    let core = nats.client().await;
    let mut all = core.subscribe(">").await.unwrap();
    core.publish("commands.support.x", "1".into())
        .await
        .unwrap();
    assert!(
        tokio::time::timeout(SOON, all.next())
            .await
            .unwrap()
            .is_some()
    );
    // Removing a stream is the system user's alone.
    assert!(platform.delete_stream("INTAKE").await.is_err());
    nats.delete_stream("INTAKE").await;
    assert!(platform.get_stream("INTAKE").await.is_err());
}

/// "No messages" is an empty answer, sent by JetStream itself on a subject that the asker names: as
/// a request to remove a stream it would be complete.
#[tokio::test]
async fn no_answer_of_jetstream_removes_anything() {
    let World {
        nats,
        platform,
        support,
        bi,
        sentinel,
    } = world().await;
    publish(&platform, "events.safeguard.approval.requested").await;
    publish(&platform, "decisions.sentinel.1.approved").await;
    for (caller, name) in [(&support, "support"), (&sentinel, "sentinel")] {
        let own = format!("$JS.API.CONSUMER.CREATE.DECISIONS.{name}.decisions.{name}.>");
        let filter = format!("decisions.{name}.>");
        let body = consumer("DECISIONS", name, Some(&filter));
        assert_eq!(caller.ask(&own, body).await["name"], name);
    }
    let own = "$JS.API.CONSUMER.CREATE.EVENTS.bi.events.none";
    let body = consumer("EVENTS", "bi", Some("events.none"));
    assert_eq!(bi.ask(own, body).await["name"], "bi");
    let stored = support
        .ask("intake.support.sentinel.alert", json!({}))
        .await;
    assert_eq!(stored["stream"], "INTAKE");
    let core = nats.client().await;
    let mut said = core.subscribe("greffe.refused.>").await.unwrap();
    core.flush().await.unwrap();
    for target in [
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.DELETE.DECISIONS",
        "$JS.API.STREAM.DELETE.INTAKE",
        "$JS.API.STREAM.PURGE.INTAKE",
        "$JS.API.CONSUMER.DELETE.DECISIONS.sentinel",
        "greffe.stream.delete.EVENTS",
        "greffe.consumer.delete.DECISIONS.sentinel",
    ] {
        for (caller, next) in [
            (&support, "$JS.API.CONSUMER.MSG.NEXT.DECISIONS.support"),
            (&bi, "$JS.API.CONSUMER.MSG.NEXT.EVENTS.bi"),
        ] {
            let mut heard = core.subscribe(target).await.unwrap();
            core.flush().await.unwrap();
            let body = json!({ "batch": 1, "no_wait": true }).to_string();
            let mut answer = None;
            for _ in 0..10 {
                let again = body.clone().into();
                caller
                    .client
                    .publish_with_reply(next, target, again)
                    .await
                    .unwrap();
                let soon = Duration::from_millis(500);
                answer = tokio::time::timeout(soon, heard.next())
                    .await
                    .ok()
                    .flatten();
                if answer.is_some() {
                    break;
                }
            }
            let answer = answer.expect("JetStream answers there");
            assert_eq!(answer.payload.len(), 0, "{target}");
        }
    }
    // What changes consumers waits in the same queue as what removes streams.
    let own = "$JS.API.CONSUMER.CREATE.DECISIONS.support.decisions.support.>";
    let body = consumer("DECISIONS", "support", Some("decisions.support.>"));
    assert_eq!(support.ask(own, body).await["name"], "support");
    for stream in ["EVENTS", "DECISIONS"] {
        assert_eq!(messages(&platform, stream).await, 1, "{stream}");
    }
    assert_eq!(messages(&platform, "INTAKE").await, 1);
    let info = "$JS.API.CONSUMER.INFO.DECISIONS.sentinel";
    assert_eq!(sentinel.ask(info, json!({})).await["name"], "sentinel");
    let leaked = tokio::time::timeout(Duration::from_millis(50), said.next()).await;
    assert!(
        leaked.is_err(),
        "refused requests stay in the system account"
    );
}

#[tokio::test]
async fn a_change_of_users_touches_only_those_concerned() {
    let World {
        nats,
        mut support,
        mut sentinel,
        ..
    } = world().await;
    let disconnects = |caller: &mut Caller| {
        let mut count = 0;
        while let Ok(event) = caller.events.try_recv() {
            count += u32::from(matches!(event, Event::Disconnected));
        }
        count
    };
    let password = nats.add_user("knowledge", UserKind::Service).await;
    let knowledge = Caller::connect(&nats, "knowledge", &password).await;
    knowledge.client.flush().await.unwrap();
    assert_eq!(
        (disconnects(&mut support), disconnects(&mut sentinel)),
        (0, 0)
    );

    nats.remove_user("sentinel").await;
    let gone =
        async { while !matches!(sentinel.events.recv().await, Some(Event::Disconnected)) {} };
    tokio::time::timeout(SOON, gone)
        .await
        .expect("a removed user is disconnected");
    support.client.flush().await.unwrap();
    assert_eq!(disconnects(&mut support), 0);
}

#[tokio::test]
async fn a_message_over_a_megabyte_is_refused() {
    let World {
        nats: _running,
        support,
        ..
    } = world().await;
    let large = vec![b'x'; 1024 * 1024 + 1];
    let sent = support
        .client
        .publish("intake.support.x", large.into())
        .await;
    assert!(sent.is_err());
}
