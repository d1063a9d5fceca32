//! `avanzacast internal-request`: one line to a token, and an exit code that a script can go by.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::thread::JoinHandle;

use avanzacast_tests::{Stack, binary, payload};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs it in a folder of its own with nothing but these variables.
fn ask(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = std::process::Command::new(binary());
    command.arg("internal-request").args(arguments).env_clear().current_dir(folder);
    command.envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("avanzacast-ask-").tempdir().unwrap()
}

/// Answers one request with these bytes, and gives back what was asked.
fn answer_once(status: &str, body: &str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let asked = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = String::new();
        let mut piece = [0; 4096];
        // The body is the last thing that comes, and ends with its brace.
        while !request.ends_with('}') {
            let read = connection.read(&mut piece).unwrap();
            request.push_str(&text(&piece[..read]));
        }
        connection.write_all(answer.as_bytes()).unwrap();
        request
    });
    (url, asked)
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

#[test]
fn it_asks_as_told_and_prints_the_answer_alone() {
    let (url, asked) = answer_once("201 Created", r#"{"id":"x","token":"t"}"#);
    let folder = folder();
    let env = [("PUBLIC_URL", "http://not.this.one"), ("BACKEND_REGISTER_SECRET", "first-of-two, second")];
    let output = ask(folder.path(), &["--url", &url, "--room", "blue", "--username", "Ana María"], &env);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "{\"id\":\"x\",\"token\":\"t\"}\n");
    let request = asked.join().unwrap();
    assert!(request.starts_with("POST /api/internal/session HTTP/1.1\r\n"), "{request}");
    assert!(request.to_lowercase().contains("\r\nx-backend-secret: first-of-two\r\n"), "{request}");
    assert_eq!(body_of(&request), json!({"room": "blue", "username": "Ana María"}));
}

#[test]
fn what_up_left_in_dev_env_is_enough() {
    let (url, asked) = answer_once("201 Created", "{}");
    let folder = folder();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let file = format!("AVANZACAST_URL={url}\nBACKEND_REGISTER_SECRET='it''s'\n");
    std::fs::write(folder.path().join("data/dev.env"), file.replace("''", "")).unwrap();
    let output = ask(folder.path(), &[], &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let request = asked.join().unwrap();
    assert!(request.to_lowercase().contains("\r\nx-backend-secret: its\r\n"), "{request}");
    assert_eq!(body_of(&request), json!({"room": "test-room", "username": "e2e"}));
}

#[test]
fn a_refusal_is_told_in_the_backends_own_words_and_without_the_secret() {
    let document = r#"{"type":"about:blank","status":401,"code":"credential_invalid","detail":"not ours"}"#;
    let (url, asked) = answer_once("401 Unauthorized", document);
    let folder = folder();
    std::fs::write(folder.path().join(".env"), "BACKEND_REGISTER_SECRET=hunter2hunter2\n").unwrap();
    let output = ask(folder.path(), &[], &[("AVANZACAST_URL", &url)]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    for word in ["401", "credential_invalid", "not ours", "BACKEND_REGISTER_SECRET"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(output.stdout.is_empty() && !said.contains("hunter2"), "{said}");
    assert!(asked.join().unwrap().contains("hunter2hunter2"), "the check itself works");
}

/// In the folders above there may be somebody else's.
#[test]
fn only_this_folder_s_file_is_read() {
    let folder = folder();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(folder.path().join(".env"), "AVANZACAST_URL=http://a.house.above.invalid\n").unwrap();
    let output = ask(&inner, &[], &[("PORT", "9")]);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(":9"), "{output:?}");
    std::fs::write(inner.join(".env"), "AVANZACAST_URL=nonsense\nPORT\n").unwrap();
    let wrong = ask(&inner, &[], &[]);
    assert!(wrong.status.code() == Some(2) && text(&wrong.stderr).contains(".env: "), "{wrong:?}");
}

#[tokio::test]
async fn beside_a_running_up_one_word_is_enough() {
    let stack = Stack::sqlite().await;
    let data = stack.data_dir().to_str().unwrap().to_owned();
    let (folder, env) = (folder(), [("DATA_DIR", data.as_str())]);
    let output = ask(folder.path(), &["--room", "blue"], &env);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(payload(answer["token"].as_str().unwrap())["video"]["room"], "blue", "{answer}");
    let wrong = ask(folder.path(), &[], &[env[0], ("BACKEND_REGISTER_SECRET", "not-the-secret-of-this-backend")]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("credential_invalid"), "{wrong:?}");
    let bad = ask(folder.path(), &["--room", "*"], &env);
    assert!(bad.status.code() == Some(1) && text(&bad.stderr).contains("malformed"), "{bad:?}");
}

#[test]
fn nobody_there_is_1_and_nonsense_is_2() {
    let folder = folder();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let away = ask(folder.path(), &[], &[("PORT", &port)]);
    assert_eq!(away.status.code(), Some(1), "{away:?}");
    assert!(text(&away.stderr).contains(&format!("http://localhost:{port}")), "{away:?}");
    for arguments in [&["--url", "ftp://x"][..], &["--url", "localhost:4000"], &["--rooms"], &["more"]] {
        assert_eq!(ask(folder.path(), arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
}
