//! Eight processes append at once to the same aggregates.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::assert_stream_is_log;
use tokio::task::JoinSet;

use crate::place::{
    Up,
    caller::{Caller, request},
    cluster::{Cluster, MASTER_KEY, open_log},
};

const PROCESSES: usize = 8;
const CLIENTS: usize = 3;
const RENAMES_PER_PROCESS: usize = 25;
const KEYS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_lose_nothing_and_double_nothing() {
    let cluster = Cluster::new().await;
    let roles = |n| match n {
        0 => "api,relay,projector,workflows",
        _ => "api",
    };
    let mut processes: Vec<Up> = (0..PROCESSES).map(|n| cluster.spawn(roles(n))).collect();
    processes.iter_mut().for_each(Up::until_ready);
    let admin = cluster.sign_in(&processes[0], "admin").await;
    let callers: Vec<Caller> = processes.iter().map(|it| admin.at(&it.address)).collect();

    rename_everywhere(&cluster, &callers).await;
    one_key_has_one_effect(&cluster, &callers).await;
    one_decision_wins(&cluster, &callers).await;

    let nats = cluster.nats.client().await;
    let events = assert_stream_is_log(&cluster.database.pool, &nats).await;
    println!("{events} events");
    for process in processes {
        process.stop();
    }
}

/// Each process renames the same few clients. Every accepted name is in the log once, at the
/// position its answer said, and nothing else is.
async fn rename_everywhere(cluster: &Cluster, callers: &[Caller]) {
    for client in 0..CLIENTS {
        let body = json!({ "id": client.to_string(), "name": "EHPAD", "critical": false });
        callers[0].done("/api/clients", &body).await;
    }
    let mut lanes = JoinSet::new();
    for (process, caller) in callers.iter().cloned().enumerate() {
        lanes.spawn(async move {
            let mut accepted = BTreeMap::new();
            for nth in 0..RENAMES_PER_PROCESS {
                let name = format!("EHPAD {process}-{nth}");
                let path = format!("/api/clients/{}", nth % CLIENTS);
                let body = json!({ "name": name, "critical": false });
                let (status, answer) = caller.put(&path, &body).await.unwrap();
                match status.as_u16() {
                    200 => drop(accepted.insert(answer["position"].as_u64().unwrap(), name)),
                    // Said to be in vain: then it must not be in the log.
                    409 | 503 => {}
                    _ => panic!("{status} {answer}"),
                }
            }
            accepted
        });
    }
    let mut accepted = BTreeMap::new();
    for lane in lanes.join_all().await {
        accepted.extend(lane);
    }
    let log = open_log(&cluster.database.url, &MASTER_KEY).await;
    let recorded: BTreeMap<u64, String> = log
        .read_after(0, 10_000)
        .await
        .unwrap()
        .iter()
        .filter(|event| event.event_type == "clients.client.renamed")
        .map(|event| (event.position, event.data["name"].as_str().unwrap().into()))
        .collect();
    assert_eq!(recorded, accepted, "what is in the log, what was accepted");
    let sent = callers.len() * RENAMES_PER_PROCESS;
    println!("{} of {sent} renames accepted", accepted.len());
    assert!(
        !accepted.is_empty(),
        "the processes only hindered each other"
    );
}

/// The same request with the same key, sent to every process at the same time: one effect, the same
/// answer from all, and all but one are told that they repeat it.
async fn one_key_has_one_effect(cluster: &Cluster, callers: &[Caller]) {
    let before = count(cluster, "safeguard.approval.requested").await;
    for nth in 0..KEYS {
        let key = format!("once-{nth}");
        let body = request(nth as u64);
        let answers = at_once(callers, |caller| {
            let (key, body) = (key.clone(), body.clone());
            async move { caller.keyed("/api/safeguard/requests", &key, &body).await }
        })
        .await;
        assert_one_and_the_same(201, answers);
    }
    let made = count(cluster, "safeguard.approval.requested").await - before;
    assert_eq!(made, KEYS as i64);
}

/// Every other process holds the request in its cache, each as of another moment; all are asked to
/// approve it with the same key. One vote counts, and all are told so.
async fn one_decision_wins(cluster: &Cluster, callers: &[Caller]) {
    let before = count(cluster, "safeguard.approval.approved").await;
    let chief = Caller::sign_in(&callers[0].address, "chef.support").await;
    let chiefs: Vec<Caller> = callers.iter().map(|it| chief.at(&it.address)).collect();
    for nth in 0..KEYS {
        let asked = callers[0]
            .done("/api/safeguard/requests", &request(1_000))
            .await;
        let path = format!("/api/safeguard/{}/approve", asked["id"].as_str().unwrap());
        for chief in chiefs.iter().step_by(2) {
            let body = json!({ "version": asked["version"], "minutes": 5 });
            chief
                .done(&path.replace("approve", "postpone"), &body)
                .await;
        }
        let key = format!("approve-{nth}");
        let body = json!({ "version": asked["version"], "comment": "oui" });

        let answers = at_once(&chiefs, |caller| {
            let (path, key, body) = (path.clone(), key.clone(), body.clone());
            async move { caller.keyed(&path, &key, &body).await }
        })
        .await;
        assert_one_and_the_same(200, answers);
    }
    let made = count(cluster, "safeguard.approval.approved").await - before;
    assert_eq!(made, KEYS as i64);
}

/// All got the same answer, and all but one are told that they repeat it.
fn assert_one_and_the_same(status: u16, mut answers: Vec<(u16, Value)>) {
    let repeated = answers
        .iter_mut()
        .filter_map(|(_, answer)| answer["repeated"].take().as_bool())
        .filter(|repeated| *repeated);
    assert_eq!(repeated.count(), answers.len() - 1, "{answers:?}");
    for answer in &answers {
        assert_eq!(answer.0, status, "{answer:?}");
        assert_eq!(answer, &answers[0]);
    }
}

/// The answers of all, asked at the same time.
async fn at_once<F>(callers: &[Caller], ask: impl Fn(Caller) -> F) -> Vec<(u16, Value)>
where
    F: Future<Output = reqwest::Result<(reqwest::StatusCode, Value)>>,
{
    let asked = callers.iter().map(|caller| ask(caller.clone()));
    let answers = futures::future::try_join_all(asked).await.unwrap();
    answers
        .into_iter()
        .map(|(status, answer)| (status.as_u16(), answer))
        .collect()
}

async fn count(cluster: &Cluster, event_type: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = $1")
        .bind(event_type)
        .fetch_one(&cluster.database.pool)
        .await
        .unwrap()
}
