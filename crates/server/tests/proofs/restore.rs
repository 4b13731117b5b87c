//! A backup is put back under processes that go on running: the log is closed, opened again by an
//! operator, and all of them, with those who watch, come back on what the backup holds.

use std::os::unix::fs::PermissionsExt;

use futures::StreamExt;
use serde_json::{Value, json};
use testkit::assert_stream_is_log;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::place::{
    Place, Up,
    caller::{Caller, request},
    cluster::{Cluster, MASTER_KEY, open_log, succeeded},
    eventually, output,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_brings_all_processes_and_clients_back() {
    let cluster = Cluster::new().await;
    let mut processes = [
        cluster.spawn("api,relay,projector,workflows"),
        cluster.spawn("api,projector"),
    ];
    processes.iter_mut().for_each(Up::until_ready);
    let admin = cluster.sign_in(&processes[0], "admin").await;
    let at = processes.each_ref().map(|it| admin.at(&it.address));
    let kept = ask(&at, 0..6).await;
    let file = cluster.place.folder.path().join("greffe.dump");
    let file = file.to_str().unwrap();
    let mut made = cluster.command(&["backup", "create", file]);
    // A copy needs no key.
    made.env_remove("GREFFE_MASTER_KEY");
    succeeded(&output(made, ""));
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let content = std::fs::read(file).unwrap();
    let again = output(cluster.command(&["backup", "create", file]), "");
    assert!(!again.status.success(), "a backup replaces no file");
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
    assert_eq!(std::fs::read(file).unwrap(), content);
    assert_eq!(partial_files(&cluster), 0);

    // Both processes remember what the backup does not hold, and the stream holds it.
    let lost = ask(&at, 6..18).await;
    stream_is_log(&cluster).await;
    let page = at[0].read("/api/safeguard/feed").await;
    let (position, epoch) = (page["position"].clone(), page["epoch"].clone());
    let mut watcher = watch(&admin, &position, &epoch).await;
    assert_eq!(next(&mut watcher).await.unwrap()["type"], "feed:ready");

    let restored = cluster.command(&["backup", "restore", file, "--yes"]);
    let said = succeeded(&output(restored, ""));
    drop_former(&cluster, &said).await;
    // The watcher is told to come back.
    while next(&mut watcher).await.is_some() {}

    for caller in &at {
        let problem = eventually("the fork is noticed", || forked(caller)).await;
        assert!(problem.contains("forked"), "{problem}");
        let asked = caller.post("/api/safeguard/requests", &request(30)).await;
        let (status, answer) = asked.unwrap();
        assert_eq!(
            (status.as_u16(), &answer["code"]),
            (503, &json!("unavailable"))
        );
    }
    let reset = cluster.command(&["log", "reset-stream", "--yes"]);
    succeeded(&output(reset, ""));
    for caller in &at {
        eventually("the process is ready again", || ready(caller)).await;
    }

    let new = ask(&at, 30..36).await;
    stream_is_log(&cluster).await;
    for caller in &at {
        let pending = caller.read("/api/safeguard/pending?limit=200").await;
        let mut shown: Vec<&str> = pending["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap())
            .collect();
        shown.sort_unstable();
        let mut expected: Vec<&str> = kept.iter().chain(&new).map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(shown, expected, "lost: {lost:?}");
        // What was sealed before and since is read.
        let one = caller.read(&format!("/api/safeguard/{}", new[0])).await;
        assert_eq!(one["arguments"]["username"], "jean.dupont");
    }
    let mut again = watch(&admin, &position, &epoch).await;
    assert_eq!(next(&mut again).await.unwrap()["type"], "feed:ready");
    assert_eq!(next(&mut again).await.unwrap()["type"], "feed:reset");
    for name in ["approvals", "audit", "users", "clients", "tools"] {
        eventually("the read model has caught up", || async {
            let behind: i64 = sqlx::query_scalar(
                "SELECT (SELECT max(position) FROM events) - position
                 FROM projection_checkpoints WHERE name = $1",
            )
            .bind(name)
            .fetch_one(&cluster.database.pool)
            .await
            .ok()?;
            (behind == 0).then_some(())
        })
        .await;
    }
    processes.into_iter().for_each(Up::stop);
}

/// The copy holds the event that it was begun, which is then the last of the log and of the stream.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_platform_goes_on_from_its_backup_and_the_trail_tells() {
    let mut cluster = Cluster::new().await;
    // Nothing happens by itself meanwhile.
    cluster.more = vec![("HEALTH_PROBE_SECONDS", "86400".to_owned())];
    let process = cluster.serve("api,relay,projector,workflows");
    let admin = cluster.sign_in(&process, "admin").await;
    let kept = ask(std::slice::from_ref(&admin), 0..2).await;
    let path = format!("/api/safeguard/{}", kept[1]);
    admin.read("/api/users/audit").await;
    eventually("the components were asked", || async {
        let asked: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM events WHERE event_type = 'workflow.component.health_changed'",
        )
        .fetch_one(&cluster.database.pool)
        .await
        .unwrap();
        (asked >= 2).then_some(())
    })
    .await;
    let file = cluster.place.folder.path().join("greffe.dump");
    let file = file.to_str().unwrap();
    let mut made = cluster.command(&["backup", "create", file]);
    made.env_remove("GREFFE_MASTER_KEY");
    let made = output(made, "");
    assert_eq!(String::from_utf8_lossy(&made.stderr), "");
    succeeded(&made);
    stream_is_log(&cluster).await;
    let mut restored = cluster.command(&["backup", "restore", file, "--yes"]);
    restored.env_remove("GREFFE_MASTER_KEY");
    let restored = output(restored, "");
    assert_eq!(String::from_utf8_lossy(&restored.stderr), "");
    succeeded(&restored);

    eventually("the process is ready again", || ready(&admin)).await;
    assert_eq!(admin.read(&path).await["status"], "pending");
    let asked = admin.done("/api/safeguard/requests", &request(30)).await;
    stream_is_log(&cluster).await;
    let trail = "/api/users/audit?action=operations.backup.";
    let trail = admin.read_as_of(trail, &asked["position"]).await;
    let items = trail["items"].as_array().unwrap();
    let actions: Vec<&str> = items
        .iter()
        .map(|item| item["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["operations.backup.restored", "operations.backup.begun"]
    );
    assert_eq!(items[0]["target_id"], items[1]["target_id"]);
    assert_eq!(items[0]["details"]["position"], items[1]["position"]);
    assert_eq!(items[0]["details"]["file"], "greffe.dump");
    process.stop();
}

/// Ended while `pg_dump` is at work, it leaves neither that behind nor a part of a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_told_to_end_leaves_nothing_behind() {
    let cluster = Cluster::new().await;
    // What is locked is not copied.
    let mut session = cluster.database.pool.acquire().await.unwrap();
    let mut lock = sqlx::Connection::begin(&mut *session).await.unwrap();
    sqlx::query("LOCK TABLE parked_events IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let dumps = async |are_waiting: bool| -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'pg_dump'
               AND (wait_event_type = 'Lock' OR NOT $1)",
        )
        .bind(are_waiting)
        .fetch_one(&cluster.database.pool)
        .await
        .unwrap()
    };
    let file = cluster.place.folder.path().join("greffe.dump");
    let made = cluster.command(&["backup", "create", file.to_str().unwrap()]);
    let mut made = Up::spawn(made, &cluster.place.log(), "");
    eventually("the copy is under way", || async {
        (dumps(true).await > 0).then_some(())
    })
    .await;
    assert_eq!(partial_files(&cluster), 1);
    made.signal(nix::sys::signal::Signal::SIGTERM);
    let ended = tokio::task::block_in_place(|| made.wait());
    assert_eq!(ended, Some(1));
    assert_eq!(partial_files(&cluster), 0);
    assert!(!file.exists());
    eventually("PostgreSQL has noticed", || async {
        (dumps(false).await == 0).then_some(())
    })
    .await;
    lock.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_backup_changes_nothing() {
    let cluster = Cluster::new().await;
    let process = cluster.serve("api,relay,projector,workflows");
    let admin = cluster.sign_in(&process, "admin").await;
    let kept = ask(std::slice::from_ref(&admin), 0..2).await;
    let file = cluster.place.folder.path().join("greffe.dump");
    std::fs::write(&file, "not a dump").unwrap();
    let file = file.to_str().unwrap();
    for words in [
        vec!["backup", "restore", file],
        vec!["backup", "restore", file, "--yes"],
        vec!["backup", "restore", "/nowhere/greffe.dump", "--yes"],
    ] {
        let refused = output(cluster.command(&words), "");
        assert!(!refused.status.success(), "{words:?}");
        assert!(!refused.stderr.is_empty(), "{words:?}");
    }
    let shown = admin.read(&format!("/api/safeguard/{}", kept[1])).await;
    assert_eq!(shown["status"], "pending");
    process.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_nothing_makes_nothing() {
    let place = Place::new();
    let file = place.folder.path().join("greffe.dump");
    let refused = place.run(&["backup", "create", file.to_str().unwrap()], "");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("there is no platform in"), "{said}");
    let made = std::fs::read_dir(place.folder.path()).unwrap();
    assert_eq!(made.count(), 0, "{said}");
}

/// What a backup that failed may have left behind.
fn partial_files(cluster: &Cluster) -> usize {
    let files = std::fs::read_dir(cluster.place.folder.path()).unwrap();
    files
        .filter(|it| {
            let name = it.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".partial")
        })
        .count()
}

/// Types the command that the restore has printed; of its databases only ours is left.
async fn drop_former(cluster: &Cluster, said: &str) {
    let command = said.lines().find(|line| line.contains("dropdb")).unwrap();
    let options: sqlx::postgres::PgConnectOptions = cluster.database.url.parse().unwrap();
    let url = url::Url::parse(&cluster.database.url).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", command])
        .env("PGPASSWORD", url.password().unwrap_or_default());
    assert!(!command.contains(url.password().unwrap_or("no password")));
    succeeded(&output(shell, ""));
    let ours = options.get_database().unwrap();
    let left: Vec<(String, bool)> = sqlx::query_as(
        "SELECT datname::text, datallowconn FROM pg_database WHERE starts_with(datname, $1)",
    )
    .bind(ours)
    .fetch_all(&cluster.database.pool)
    .await
    .unwrap();
    assert_eq!(left, [(ours.to_owned(), true)]);
}

async fn ask(at: &[Caller], tickets: std::ops::Range<u64>) -> Vec<String> {
    let mut ids = Vec::new();
    for (ticket, caller) in tickets.zip(at.iter().cycle()) {
        let asked = caller
            .done("/api/safeguard/requests", &request(ticket))
            .await;
        ids.push(asked["id"].as_str().unwrap().to_owned());
        let path = format!("/api/safeguard/{}", ids[ids.len() - 1]);
        caller.read_as_of(&path, &asked["position"]).await;
    }
    ids
}

async fn stream_is_log(cluster: &Cluster) {
    let log = open_log(&cluster.database.url, &MASTER_KEY).await;
    assert_stream_is_log(log.pool(), &cluster.nats.client().await).await;
}

/// What `/readyz` complains of the log; nothing while the process begins again.
async fn forked(caller: &Caller) -> Option<String> {
    let asked = caller.request(reqwest::Method::GET, "/readyz");
    let (_, health) = Caller::send(asked).await.ok()?;
    let mut parts = health["components"].as_array()?.iter();
    let log = parts.find(|part| part["name"] == "log")?;
    Some(log["detail"].to_string())
}

async fn ready(caller: &Caller) -> Option<()> {
    let asked = caller.request(reqwest::Method::GET, "/readyz");
    let (status, _) = Caller::send(asked).await.ok()?;
    (status == 200).then_some(())
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn watch(person: &Caller, position: &Value, epoch: &Value) -> Socket {
    let url = format!(
        "ws://{}/api/safeguard/ws?after={position}&epoch={}",
        person.address,
        epoch.as_str().unwrap()
    );
    let mut request = url.into_client_request().unwrap();
    let protocols = format!("greffe.v1, bearer.{}", person.token);
    request
        .headers_mut()
        .insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.unwrap().0
}

/// The next frame; `None` once the server has closed because it begins again.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] != "safeguard:presence" {
                    return Some(frame);
                }
            }
            Some(Ok(Message::Close(Some(close)))) => {
                assert_eq!(u16::from(close.code), 1012, "{close:?}");
                return None;
            }
            Some(Ok(_)) => {}
            ended => panic!("the socket ended without a word: {ended:?}"),
        }
    }
}
