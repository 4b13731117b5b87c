//! A recorded day: JSON Lines, one fact or request each, in the order of their times.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use anyhow::{Context, ensure};

use super::Line;

/// Writes a day to a file; `-` is the standard output.
pub fn write(path: &Path, lines: &[Line]) -> anyhow::Result<()> {
    let target: Box<dyn Write> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdout().lock()),
        false => {
            let file = File::create(path).with_context(|| format!("write {}", path.display()))?;
            Box::new(file)
        }
    };
    let mut target = BufWriter::new(target);
    for line in lines {
        serde_json::to_writer(&mut target, line)?;
        target.write_all(b"\n")?;
    }
    Ok(target.flush()?)
}

/// Reads a recorded day.
pub fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let file = File::open(path).with_context(|| format!("read {}", path.display()))?;
    let mut lines: Vec<Line> = Vec::new();
    for (nth, text) in BufReader::new(file).lines().enumerate() {
        let text = text?;
        if text.trim().is_empty() {
            continue;
        }
        let place = || format!("{}, line {}", path.display(), nth + 1);
        let line: Line = serde_json::from_str(&text).with_context(place)?;
        ensure!(
            lines.last().is_none_or(|before| before.at <= line.at),
            "{}: it happens before the line above it",
            place()
        );
        lines.push(line);
    }
    Ok(lines)
}
