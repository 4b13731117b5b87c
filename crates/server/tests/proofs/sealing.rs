//! Nothing personal is in clear in any file of the platform, and what is erased is gone everywhere.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use eventlog::{ERASED, fold};
use memchr::memmem::Finder;
use serde_json::{Value, json};
use testkit::assert_stream_is_log;

use crate::place::{
    Place, Up,
    caller::{Caller, PASSWORD},
    cluster::{MASTER_KEY, create_user, open_log, settings, succeeded},
};

/// Distinctive, and with accents where people may write them.
fn mark(what: &str) -> String {
    format!("Sondé-{what}-Éprouvé-7q1z")
}

/// As user names are written.
fn name(what: &str) -> String {
    format!("sonde-{what}-7q1z")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_personal_is_in_clear_and_what_is_erased_is_gone() {
    let place = Place::new();
    create_user(&place, "admin", &settings());
    create_user(&place, &name("login"), &settings());
    create_user(&place, "chef.support", &settings());
    let up = place.up_with(&settings());
    let mut stage = Stage::set(&place).await;
    let first = stage.approve_and_execute().await;
    let second = stage.reject_over_nats().await;
    stage.postpone_cancel_and_break_glass().await;
    stage.read_and_fail().await;

    let database = place.endpoints()["database"].as_str().unwrap().to_owned();
    let log = open_log(&database, &MASTER_KEY).await;
    assert_stream_is_log(log.pool(), &place.nats().await).await;
    sqlx::query("CHECKPOINT").execute(log.pool()).await.unwrap();
    assert_not_in_files(&place, &stage.texts);

    // The person behind the first request is erased; the platform starts with no key in memory.
    assert!(
        log.vault()
            .destroy(&format!("person:{}", name("behalf")))
            .await
            .unwrap()
    );
    up.stop();
    assert_not_in_files(&place, &stage.texts);
    let up: Up = place.up_with(&settings());
    let log = open_log(&database, &MASTER_KEY).await;
    for projection in ["approvals", "audit"] {
        let mut command = place.command(&["projection", "rebuild", projection]);
        command.envs(settings());
        succeeded(&crate::place::output(command, ""));
    }
    let admin = Caller::sign_in(&place.address, "admin").await;
    let next = stage.ask_at(&admin).await;
    let path = format!("/api/safeguard/{first}");
    let erased = admin.read_as_of(&path, &next["position"]).await;
    assert_eq!(erased["status"], "executed");
    assert_eq!(erased["arguments"], ERASED);
    assert_eq!(erased["context"]["ticket_title"], ERASED);
    assert_eq!(erased["decisions"][0]["comment"], ERASED);
    let path = format!("/api/safeguard/{second}");
    let other = admin.read_as_of(&path, &next["position"]).await;
    assert_eq!(other["context"]["ticket_title"], mark("titre-nats"));

    assert_stream_is_log(log.pool(), &place.nats().await).await;
    let events = log.read_after(0, 10_000).await.unwrap();
    let of_first = events.iter().filter(|event| event.aggregate_id == first);
    let requested = of_first.clone().next().unwrap();
    assert_eq!(requested.data["context"]["ticket_description"], ERASED);
    assert_eq!(
        of_first.count(),
        5,
        "requested, vote recorded, approved, claimed, executed"
    );
    let trail = admin.read("/api/users/audit?limit=200").await.to_string();
    assert!(!trail.contains(&mark("titre")) && !trail.contains(&name("behalf")));
    up.stop();
    assert_not_in_files(&place, &stage.texts);
}

/// Who plays, and every text that must be nowhere.
struct Stage {
    admin: Caller,
    support: Caller,
    nats: async_nats::Client,
    texts: Vec<String>,
}

impl Stage {
    async fn set(place: &Place) -> Self {
        let mut command = place.command(&["service-account", "create", "--name", "support"]);
        command.args(["--owner", &name("login"), "--scope", "safeguard.request"]);
        command.envs(settings());
        let key = succeeded(&crate::place::output(command, ""));
        let key = key.trim().to_owned();
        let nats =
            async_nats::ConnectOptions::with_user_and_password("support".into(), key.clone())
                .custom_inbox_prefix("_INBOX.support")
                .connect(place.endpoints()["nats"].as_str().unwrap())
                .await
                .unwrap();
        let mut command = place.command(&["user", "create", "--username", &name("affiche")]);
        command.args([
            "--display-name",
            &mark("affichage"),
            "--level",
            "N1",
            "--password-stdin",
        ]);
        command.envs(settings());
        succeeded(&crate::place::output(command, &format!("{PASSWORD}\n")));
        Self {
            admin: Caller::sign_in(&place.address, "admin").await,
            support: Caller::with_key(&place.address, &key),
            nats,
            texts: vec![
                PASSWORD.into(),
                key,
                name("login"),
                name("affiche"),
                mark("affichage"),
            ],
        }
    }

    /// A text that must be nowhere.
    fn secret(&mut self, what: &str) -> String {
        self.texts.push(mark(what));
        mark(what)
    }

    fn request(&mut self, suffix: &str) -> Value {
        let behalf = name(&format!("behalf{suffix}"));
        let account = name(&format!("compte{suffix}"));
        self.texts.extend([behalf.clone(), account.clone()]);
        let mut text = |what: &str| self.secret(&format!("{what}{suffix}"));
        json!({
            "tool_name": "ad_reset_password", "security_level": "L3", "on_behalf_of": behalf,
            "arguments": { "username": account, "note": text("note"), text("cle"): [text("liste")] },
            "context": { "ticket_id": 1234, "ticket_title": text("titre"), "workflow": "SUPPORT",
                         "ticket_description": text("description"), "client_name": text("client") },
        })
    }

    async fn approve_and_execute(&mut self) -> String {
        let body = self.request("");
        let asked = self.support.done("/api/safeguard/requests", &body).await;
        let id = asked["id"].as_str().unwrap().to_owned();
        let path = format!("/api/safeguard/{id}");
        let vote = json!({ "version": asked["version"], "comment": self.secret("commentaire") });
        self.admin.done(&format!("{path}/approve"), &vote).await;
        // Its client is not in the register: two must approve.
        let vote = json!({ "version": 2, "comment": self.secret("second") });
        let chief = Caller::sign_in(&self.admin.address, "chef.support").await;
        chief.done(&format!("{path}/approve"), &vote).await;
        let shown = self.admin.read_as_of(&path, &asked["position"]).await;
        let claim = json!({ "arguments_hash": shown["arguments_hash"] });
        let grant = self.support.done(&format!("{path}/claim"), &claim).await;
        let detail = self.secret("detail");
        let report =
            json!({ "grant_id": grant["grant_id"], "outcome": "succeeded", "detail": detail });
        self.support
            .done(&format!("{path}/execution"), &report)
            .await;
        id
    }

    async fn reject_over_nats(&mut self) -> String {
        let body = self.request("-nats").to_string();
        let subject = "commands.support.safeguard.request_approval";
        let reply = self.nats.request(subject, body.into()).await.unwrap();
        let asked: Value = serde_json::from_slice(&reply.payload).unwrap();
        assert_eq!(asked["ok"], true, "{asked}");
        let id = asked["id"].as_str().unwrap().to_owned();
        let no = json!({ "version": asked["version"], "reason": self.secret("refus") });
        self.admin
            .done(&format!("/api/safeguard/{id}/reject"), &no)
            .await;
        id
    }

    async fn postpone_cancel_and_break_glass(&mut self) {
        for (nth, (what, by_admin)) in [("cancel", false), ("break-glass", true)]
            .iter()
            .enumerate()
        {
            let body = self.request(&format!("-{nth}"));
            let asked = self.support.done("/api/safeguard/requests", &body).await;
            let path = format!("/api/safeguard/{}", asked["id"].as_str().unwrap());
            let reason = self.secret(&format!("report-{nth}"));
            let later = json!({ "version": asked["version"], "minutes": 5, "reason": reason });
            self.admin.done(&format!("{path}/postpone"), &later).await;
            let reason = self.secret(what);
            let end = json!({ "version": asked["version"], "reason": reason });
            let caller = if *by_admin {
                &self.admin
            } else {
                &self.support
            };
            let end = if *by_admin {
                end
            } else {
                json!({ "reason": reason })
            };
            caller.done(&format!("{path}/{what}"), &end).await;
        }
        let client = json!({ "id": "42", "name": self.secret("registre"), "critical": true });
        self.admin.done("/api/clients", &client).await;
    }

    /// Searches, a browser's name, refused commands and failed sign-ins.
    async fn read_and_fail(&mut self) {
        let (browser, search) = (name("navigateur"), name("recherche"));
        for path in ["history", "pending"] {
            let path = format!("/api/safeguard/{path}?q={search}");
            let request = self.admin.request(reqwest::Method::GET, &path);
            let request = request.header("User-Agent", &browser);
            assert_eq!(Caller::send(request).await.unwrap().0, 200);
        }
        self.texts.extend([browser, search]);
        let stranger = Caller::with_key(&self.admin.address, "");
        let guess = json!({ "username": name("inconnu"), "password": mark("devine") });
        let (status, _) = stranger.post("/api/auth/login", &guess).await.unwrap();
        assert_eq!(status, 401);
        self.texts.extend([name("inconnu"), mark("devine")]);
        let mut wrong = self.request("-faux");
        wrong["security_level"] = json!("L9");
        let (status, _) = self
            .support
            .post("/api/safeguard/requests", &wrong)
            .await
            .unwrap();
        assert_eq!(status, 422);
    }

    async fn ask_at(&mut self, admin: &Caller) -> Value {
        let body = self.request("-apres");
        admin.done("/api/safeguard/requests", &body).await
    }
}

/// Searches every byte of every file, PostgreSQL's write-ahead log and the logs included.
fn assert_not_in_files(place: &Place, texts: &[String]) {
    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    for text in texts {
        let folded = fold(text);
        needles.push((text.clone(), text.clone().into_bytes()));
        needles.push((text.clone(), folded.clone().into_bytes()));
        for text in [text, &folded] {
            needles.extend(base64_of(text).map(|part| (text.clone(), part.into_bytes())));
        }
    }
    let mut files = Vec::new();
    list_files(place.folder.path(), &mut files);
    let contents: Vec<(String, Vec<u8>)> = files
        .into_iter()
        // PostgreSQL and JetStream may remove a file between the look and the read.
        .filter_map(|path| Some((path.clone(), fs::read(path).ok()?)))
        .collect();
    for (text, needle) in &needles {
        let finder = Finder::new(needle);
        for (path, bytes) in &contents {
            assert!(finder.find(bytes).is_none(), "{text:?} is in {path}");
        }
    }
    // The search itself works: what is not personal is found in both stores.
    let finder = Finder::new("safeguard.approval.requested");
    for folder in ["/postgres/", "/nats/"] {
        let found = |(path, bytes): &(String, Vec<u8>)| {
            path.contains(folder) && finder.find(bytes).is_some()
        };
        assert!(contents.iter().any(found), "{folder}");
    }
}

/// What stands in the middle of the base64 of any text that holds this one.
fn base64_of(text: &str) -> impl Iterator<Item = String> {
    (0..3).map(move |shift| {
        let shifted = [&vec![b' '; shift], text.as_bytes()].concat();
        let encoded = BASE64.encode(&shifted);
        // The first and the last group also hold bits of the neighbours.
        encoded[4..encoded.len() - 4].to_owned()
    })
}

fn list_files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => list_files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path().display().to_string()),
            _ => {}
        }
    }
}

#[test]
fn a_text_is_found_in_the_base64_of_another() {
    for before in ["", "a", "ab", "abc"] {
        let encoded = BASE64.encode(format!("{before}{} et la suite", mark("titre")));
        assert!(base64_of(&mark("titre")).any(|part| encoded.contains(&part)));
    }
    assert!(!base64_of(&mark("titre")).any(|part| BASE64.encode(mark("autre")).contains(&part)));
}
