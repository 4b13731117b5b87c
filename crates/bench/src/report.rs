//! The table and `target/bench/summary.json` (`contracts.md`, "Benchmarks").

use std::{fs, path::Path};

use anyhow::Context;
use serde::Serialize;

/// One comparison. `ratio` = ours / reference; with `lower_is_better` the target is a ceiling.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub ours: f64,
    pub reference: Option<f64>,
    pub ratio: Option<f64>,
    pub target: Option<f64>,
    pub met: Option<bool>,
    pub unit: &'static str,
}

impl Row {
    /// More is better: `ours / reference` must reach `target`.
    pub fn at_least(
        name: &str,
        ours: f64,
        reference: f64,
        target: Option<f64>,
        unit: &'static str,
    ) -> Self {
        let ratio = ours / reference;
        Self {
            name: name.into(),
            ours,
            reference: Some(reference),
            ratio: Some(ratio),
            target,
            met: target.map(|target| ratio >= target),
            unit,
        }
    }

    /// Less is better: `ours / reference` must stay within `target`.
    pub fn at_most(name: &str, ours: f64, reference: f64, target: f64, unit: &'static str) -> Self {
        let ratio = ours / reference;
        let met = Some(ratio <= target);
        Self {
            name: name.into(),
            ours,
            reference: Some(reference),
            ratio: Some(ratio),
            target: Some(target),
            met,
            unit,
        }
    }

    /// A figure to explain others by.
    pub fn alone(name: &str, ours: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            ours,
            reference: None,
            ratio: None,
            target: None,
            met: None,
            unit,
        }
    }

    /// An absolute floor.
    pub fn reaches(name: &str, ours: f64, floor: f64, unit: &'static str) -> Self {
        Self {
            target: Some(floor),
            met: Some(ours >= floor),
            ..Self::alone(name, ours, unit)
        }
    }

    /// An absolute ceiling.
    pub fn within(name: &str, ours: f64, ceiling: f64, unit: &'static str) -> Self {
        let met = Some(ours <= ceiling);
        Self {
            name: name.into(),
            ours,
            reference: None,
            ratio: None,
            target: Some(ceiling),
            met,
            unit,
        }
    }
}

/// Prints the table and writes the summary.
pub fn publish(rows: &[Row]) -> anyhow::Result<()> {
    println!(
        "\n{:<54} {:>12} {:>12} {:>7} {:>7} {:>5}  unit",
        "what", "ours", "reference", "ratio", "target", "met"
    );
    for row in rows {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "—".to_owned(), |value| format!("{value:.digits$}"))
        };
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "—",
        };
        println!(
            "{:<54} {:>12.1} {:>12} {:>7} {:>7} {:>5}  {}",
            row.name,
            row.ours,
            number(row.reference, 1),
            number(row.ratio, 2),
            number(row.target, 2),
            met,
            row.unit
        );
    }
    let folder = Path::new("target/bench");
    fs::create_dir_all(folder).context("make target/bench")?;
    let summary = serde_json::json!({ "rows": rows });
    fs::write(
        folder.join("summary.json"),
        serde_json::to_vec_pretty(&summary)?,
    )
    .context("write target/bench/summary.json")?;
    println!("\nwritten: target/bench/summary.json");
    Ok(())
}

/// The middle of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
