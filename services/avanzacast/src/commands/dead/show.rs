//! `avanzacast dead show`.

use std::fmt::Write;

use avanzacast_kit::bus::{DeadLetter, veil};
use clap::Args;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::{Failure, no_such, open, operator};

/// Which one, and how.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Its number, as `dead list` gives it
    seq: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// With the tokens, secrets and session ids in it, and with a body that is no JSON
    #[arg(long)]
    reveal: bool,
}

impl Show {
    pub(super) async fn run(self) -> Result<bool, Failure> {
        let (bus, dead) = open().await?;
        let found = dead.letter(self.seq).await?;
        bus.close().await;
        let Some(letter) = found else {
            no_such(self.seq);
            return Ok(false);
        };
        operator::write(&if self.json { object(&letter, self.reveal) } else { page(&letter, self.reveal) })?;
        Ok(true)
    }
}

/// Its headers, as far as they may be shown.
fn headers(letter: &DeadLetter, reveal: bool) -> Vec<(String, String)> {
    let one = |(name, value): (String, String)| {
        let shown = if reveal { value } else { veil::text(&name, &value) };
        (name, shown)
    };
    letter.headers().into_iter().map(one).collect()
}

/// Its body, if that is JSON.
fn body(letter: &DeadLetter, reveal: bool) -> Option<Value> {
    let value = serde_json::from_slice(&letter.body).ok()?;
    Some(if reveal { value } else { veil::json("", value) })
}

fn object(letter: &DeadLetter, reveal: bool) -> String {
    let mut named: Map<String, Value> = Map::new();
    for (name, value) in headers(letter, reveal) {
        let values = named.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().into_iter().for_each(|values| values.push(json!(value)));
    }
    let mut object = json!({ "seq": letter.sequence, "buriedAt": letter.buried(), "subject": letter.subject,
        "attempts": letter.attempts, "reason": veil::prose(&letter.reason), "headers": named,
        "bytes": letter.body.len(), "sha256": veil::fingerprint(&letter.body) });
    let more = match (body(letter, reveal), str::from_utf8(&letter.body)) {
        (Some(body), _) => Some(("body", body)),
        (None, Ok(text)) if reveal => Some(("body", json!(text))),
        (None, Err(_)) if reveal => Some(("bodyBase64", json!(BASE64.encode(&letter.body)))),
        (None, _) => None,
    };
    if let (Some(fields), Some((name, value))) = (object.as_object_mut(), more) {
        fields.insert(name.to_owned(), value);
    }
    if let (Some(fields), Some(size)) = (object.as_object_mut(), letter.cut_from) {
        fields.insert("cutFromBytes".to_owned(), json!(size));
    }
    format!("{object}\n")
}

fn page(letter: &DeadLetter, reveal: bool) -> String {
    let attempts = letter.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string());
    let cut = letter.cut_from.map(|size| format!(", the beginning of {size}")).unwrap_or_default();
    let mut text = format!(
        "seq       {}\nburied    {}\nsubject   {}\nattempts  {attempts}\nreason    {}\n",
        letter.sequence,
        letter.buried(),
        operator::plain(&letter.subject),
        operator::plain(&veil::prose(&letter.reason)),
    );
    for (name, value) in headers(letter, reveal) {
        let _ = writeln!(text, "header    {}", operator::plain(&format!("{name}: {value}")));
    }
    let _ = writeln!(text, "body      {} bytes{cut}\n", letter.body.len());
    let shown = match body(letter, reveal) {
        Some(body) => serde_json::to_string_pretty(&body).unwrap_or_default(),
        None if reveal => {
            String::from_utf8_lossy(&letter.body).lines().map(operator::plain).collect::<Vec<_>>().join("\n")
        }
        None => format!("not JSON, {}; --reveal shows it", veil::fingerprint(&letter.body)),
    };
    text + &shown + "\n"
}
