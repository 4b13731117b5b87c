//! What is documented is measured, what is measured is documented, and nothing else is drawn.

use std::collections::BTreeSet;

use crate::stage::Stage;

const DOCUMENT: &str = include_str!("../../../../docs/operating.md");
const DASHBOARD: &str = include_str!("../../../../docs/operating/grafana.json");
const ALERTS: &str = include_str!("../../../../docs/operating/alerts.yml");

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_and_there() {
    let stage = Stage::start(&[]).await;
    stage.traffic(async_nats::HeaderMap::new()).await;
    stage.told().await;
    let text = stage.metrics().await;
    let found: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let (documented, table) = (documented(), tabled());
    assert_eq!(
        found.difference(&documented).collect::<Vec<_>>(),
        [] as [&&str; 0],
        "undocumented"
    );
    assert_eq!(
        documented.difference(&found).collect::<Vec<_>>(),
        [] as [&&str; 0],
        "not there:\n{text}"
    );
    for metric in api::METRICS.iter().chain([&api::DISK]) {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let row = format!(
            "| `{}` | {kind} | {} | {} |",
            metric.name,
            labels.join(", "),
            metric.help
        );
        assert!(
            table.contains(row.as_str()),
            "docs/operating.md needs the row\n{row}"
        );
        assert!(
            text.contains(&format!("# TYPE {} {kind}\n", metric.name)),
            "{}",
            metric.name
        );
    }
    assert_eq!(table.len(), api::METRICS.len() + 1);
    labels_are_as_announced(&text);
    stage.up.stop();
}

/// No series has a label that the table does not name.
fn labels_are_as_announced(text: &str) {
    for line in text.lines().filter(|line| line.starts_with("greffe_")) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let is = |known: &str| {
            let end = name.strip_prefix(known);
            end.is_some_and(|end| matches!(end, "" | "_sum" | "_count" | "_bucket"))
        };
        let mut all = api::METRICS.iter().chain([&api::DISK]);
        let metric = all.find(|metric| is(metric.name)).unwrap();
        let labels = rest.split_once('}').map_or("", |(labels, _)| labels);
        for label in labels
            .split("\",")
            .filter_map(|label| label.split('=').next())
        {
            let known = label.is_empty() || label == "le" || metric.labels.contains(&label);
            assert!(known, "{line}");
        }
    }
}

/// The rows of the table.
fn tabled() -> BTreeSet<&'static str> {
    DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `greffe_"))
        .collect()
}

fn documented() -> BTreeSet<&'static str> {
    let words = DOCUMENT.split('`').filter(|word| is_metric(word));
    words.collect()
}

fn is_metric(word: &str) -> bool {
    let is_name = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_name && (word.starts_with("greffe_") || word.starts_with("process_"))
}

/// The metrics that a text names, of histograms without what their series end in.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    words
        .filter(|word| is_metric(word))
        .map(|word| {
            let ends = ["_bucket", "_sum", "_count"];
            ends.iter()
                .find_map(|end| word.strip_suffix(end))
                .unwrap_or(word)
        })
        .collect()
}

#[test]
fn dashboard_and_alerts_use_what_is_documented() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
    for (name, text) in [("grafana.json", DASHBOARD), ("alerts.yml", ALERTS)] {
        let (named, documented) = (named(text), documented());
        let unknown: Vec<_> = named.difference(&documented).collect();
        assert_eq!(unknown, [] as [&&str; 0], "{name}");
        assert!(named.len() > 5, "{name}");
    }
}
