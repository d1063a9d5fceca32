//! Whether a dead letter names somebody.

use std::collections::HashSet;

use avanzacast_kit::bus::DeadLetter;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// Shorter texts count only where they are all of a value: a user who is called `a` is not meant by every letter `a`.
const IN_PROSE_BYTES: usize = 3;
/// A token in a token is nobody's.
const DEPTH: u32 = 2;

/// Whether one of the texts stands in the letter: as a whole value of JSON, of a header or of a token's claims; in what is
/// no JSON (a body that was cut, a reason) as a whole word.
pub(super) fn names(letter: &DeadLetter, texts: &HashSet<&str>) -> bool {
    let headers = letter.headers();
    headers.iter().any(|(_, value)| in_text(value, texts, DEPTH) || in_prose(value, texts))
        || in_prose(&letter.reason, texts)
        || match serde_json::from_slice::<Value>(&letter.body) {
            Ok(body) => in_value(&body, texts, DEPTH),
            Err(_) => in_prose(&String::from_utf8_lossy(&letter.body), texts),
        }
}

fn in_value(value: &Value, texts: &HashSet<&str>, depth: u32) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => in_text(text, texts, depth),
        Value::Array(items) => items.iter().any(|item| in_value(item, texts, depth)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| texts.contains(name.as_str()) || in_value(value, texts, depth))
        }
    }
}

/// A text that is one of them, or JSON or a token in which one stands.
fn in_text(text: &str, texts: &HashSet<&str>, depth: u32) -> bool {
    if texts.contains(text) {
        return true;
    }
    let Some(depth) = depth.checked_sub(1) else { return false };
    let inner =
        claims(text).or_else(|| serde_json::from_str(text).ok().filter(|value| !matches!(value, Value::String(_))));
    inner.is_some_and(|inner: Value| in_value(&inner, texts, depth))
}

/// What a token (RFC 7519) says, unchecked.
fn claims(text: &str) -> Option<Value> {
    let payload = text.split('.').nth(1)?;
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.trim_end_matches('=').as_bytes()).ok()?).ok()
}

/// Whether one stands in a text with no letter or digit beside it, as it is or as JSON writes it; or in a token in it.
fn in_prose(prose: &str, texts: &HashSet<&str>) -> bool {
    let said = |text: &str| {
        let written = Value::from(text).to_string();
        let written = written.trim_matches('"');
        has_word(prose, text) || (written != text && has_word(prose, written))
    };
    let words = prose.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.=".contains(c)));
    texts.iter().any(|text| text.len() >= IN_PROSE_BYTES && said(text))
        || words.filter_map(claims).any(|claims| in_value(&claims, texts, DEPTH - 1))
}

fn has_word(prose: &str, word: &str) -> bool {
    prose.match_indices(word).any(|(at, _)| {
        let before = prose.get(..at).and_then(|before| before.chars().next_back());
        let after = prose.get(at + word.len()..).and_then(|after| after.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(body: &str, texts: &[&str]) -> bool {
        let texts = texts.iter().copied().collect();
        match serde_json::from_str::<Value>(body) {
            Ok(body) => in_value(&body, &texts, DEPTH),
            Err(_) => in_prose(body, &texts),
        }
    }

    #[test]
    fn a_whole_value_counts_and_a_part_of_one_does_not() {
        let body = json!({"room": "demo", "deep": [{"username": "Ana", "n": 5}]}).to_string();
        assert!(found(&body, &["Ana"]) && found(&body, &["x", "demo"]));
        assert!(!found(&body, &["An"]) && !found(&body, &["ana"]) && !found(&body, &["5"]));
    }

    #[test]
    fn a_short_name_is_not_meant_by_every_letter() {
        assert!(!found("a body that is cut off, {\"x\":\"a", &["a"]));
        assert!(!found(&json!({"text": "a word"}).to_string(), &["a"]));
        assert!(found(&json!({"username": "a"}).to_string(), &["a"]));
    }

    #[test]
    fn what_is_no_json_is_read_by_words() {
        assert!(found(r#"{"username":"Ana","room":"#, &["Ana"]));
        assert!(found(r#"{"username":"Ana \"la\" Ruiz","#, &["Ana \"la\" Ruiz"]));
        assert!(!found("bananas and Anastasia", &["Ana"]));
        assert!(found("cut: Ñandú, off", &["Ñandú"]));
    }

    #[test]
    fn a_token_says_who_it_is_for() {
        let claims = BASE64URL_NOPAD.encode(json!({"sub": "bob", "name": "Bob Ruiz"}).to_string().as_bytes());
        let token = format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln");
        assert!(found(&json!({"sessionId": "other", "token": token}).to_string(), &["Bob Ruiz"]));
        assert!(found(&format!("{{\"token\":\"{token}\",\"room\":"), &["bob"]));
        assert!(!found(&json!({"sessionId": "other", "token": token}).to_string(), &["Bob"]));
    }
}
