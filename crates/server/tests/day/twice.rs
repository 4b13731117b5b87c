//! The same day told to two platforms, and once more to one of them.

use crate::{
    answers::assert_same,
    place::cluster::succeeded,
    recorded,
    stage::{QUICKLY, Stage, reference},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_day_says_the_same_on_every_platform_and_nothing_new_when_told_again() {
    let (reference, stage) = tokio::join!(reference(), Stage::new());
    let day = recorded::record(&stage.place);
    let nats = stage.place.nats().await;
    succeeded(&stage.play(&day, QUICKLY, &[]).await.unwrap());
    assert_same("another platform", &stage.answers(&nats).await, reference);

    let before = stage.told().await;
    succeeded(&stage.play(&day, "24h:1s", &[]).await.unwrap());
    assert_same("told again", &stage.answers(&nats).await, reference);
    assert_eq!(stage.told().await, before, "events");
    stage.stop().await;
}
