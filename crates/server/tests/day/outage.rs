//! nats-server is killed in the middle of the day, for those who tell and for the platform.

use std::time::{Duration, Instant};

use testkit::UserKind;

use crate::{
    answers::assert_same,
    place::{
        Place,
        cluster::{create_user, settings, succeeded},
        output,
    },
    recorded::{self, PERIOD},
    stage::{Stage, reference},
};

/// For half of the longest day.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long the day takes and nats-server is away: longer than a sender waits for an acknowledgement.
fn times() -> (&'static str, Duration) {
    match std::env::var("GREFFE_TEST_FULL_DAY").is_ok_and(|text| text == "1") {
        true => ("24h:5m", Duration::from_secs(30)),
        false => ("24h:20s", Duration::from_secs(8)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_killed_in_the_middle_of_a_day_changes_nothing_in_the_end() {
    let nats = testkit::nats().await;
    let key = nats.add_user("simulator", UserKind::Service).await;
    let mut settings = settings();
    settings.push(("NATS_URL", nats.platform_url()));
    // The users of this nats-server are the test's: the account is made before anybody asks it.
    let place = Place::new();
    create_user(&place, "admin", &settings);
    let words = [
        "service-account",
        "create",
        "--name",
        "simulator",
        "--owner",
    ];
    let scopes = ["safeguard.request", "safeguard.read", "intake"];
    let mut command = place.command(&[&words[..], &["admin"]].concat());
    command.args(scopes.iter().flat_map(|scope| ["--scope", scope]));
    command.envs(settings.clone());
    succeeded(&output(command, ""));
    let (reference, stage) = tokio::join!(reference(), Stage::at(place, settings));
    let day = recorded::record(&stage.place);
    let (pace, outage) = times();

    let half = recorded::counts(&day).tickets as i64;
    let playing = stage.play(&day, pace, &["--key", &key]);
    let told = async {
        while stage.told().await < half {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await;
    assert!(told.is_ok(), "half of the day is never told");
    nats.kill().await;
    let end = Instant::now() + outage;
    while Instant::now() < end {
        // What is known stays to be read.
        let path = format!("/api/supervision/support?{PERIOD}");
        stage.admin.read(&path).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(!playing.is_finished(), "half of the day is to come");
    nats.restart().await;

    let said = succeeded(&playing.await.unwrap());
    println!("{said}");
    assert!(said.contains("not sent 0"), "{said}");
    assert!(
        !said.contains("sent again 0"),
        "nothing was lost on its way"
    );
    let answers = stage.answers(&nats.client().await).await;
    assert_same("after the outage", &answers, reference);
    stage.stop().await;
}
