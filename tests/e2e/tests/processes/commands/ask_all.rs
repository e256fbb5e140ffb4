//! `doorbell ask --all` against a scripted server.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::any_kind::{REQUEST, calls, disk_usage, id, listed, number_of, record, run, text};
use crate::support::machine::Machine;
use crate::support::records::RUNTIME;

/// R1 answers a text, R2 fails, R3 is late, R4 is offline, R5 has another question, R6 another type.
async fn fleet() -> ScriptedServer {
    ScriptedServer::start(|call| {
        if call.path == "/api/runtimes" {
            let mut offline = disk_usage();
            offline["status"] = "offline".into();
            return Reply::Json(
                200,
                json!([
                    listed(1, "codex", disk_usage()),
                    listed(2, "codex", disk_usage()),
                    listed(3, "codex", disk_usage()),
                    listed(4, "codex", offline),
                    listed(5, "codex", json!({"questions": [{"name": "other"}]})),
                    listed(6, "opencode", disk_usage()),
                    listed(7, "opencode", json!({})),
                ]),
            );
        }
        let mine = |text: String| Reply::Bytes(200, text.replace(RUNTIME, &id(number_of(call))).into_bytes());
        match (call.method.as_str(), number_of(call)) {
            ("POST", _) => mine(record("pending", "")),
            (_, 2) => mine(record("failed", r#","error":"no disk""#)),
            (_, 3) => mine(record("timeout", r#","error":"daemon did not finish within 1 seconds""#)),
            _ => mine(record("completed", ",\"result\":{\"text\":\"5 GB\"},\"args\":[1,\n2]")),
        }
    })
    .await
}

#[tokio::test]
async fn all_prints_answers_and_who_gave_none() {
    let ended = run(&fleet().await, &["ask", "--all", "--provider", "CODEX", "disk_usage"]).await;
    assert_eq!(ended.stdout, format!("R1 (codex), {}\n5 GB\n\n", id(1)));
    let request = REQUEST;
    let table = [
        format!(" failed   R2  codex  box  {}  {request}  no disk", id(2)),
        format!(" late     R3  codex  box  {}  {request}  daemon did not finish within 1 seconds", id(3)),
        format!(" offline  R4  codex  box  {}  {:32}  runtime is offline", id(4), ""),
    ];
    let lines: Vec<_> =
        ended.stderr.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["OUTCOME", "NAME", "TYPE", "DAEMON", "ID", "REQUEST", "REASON"]);
    for (line, expected) in lines[1..].iter().zip(&table) {
        assert_eq!(*line, expected.split_whitespace().collect::<Vec<_>>());
    }
    assert!(ended.stderr.ends_with("\nerror: 1 of 4 runtimes answered\n"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
}

/// The answers are years old on every clock.
#[tokio::test]
async fn all_prints_age_of_cached_answers() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "GET" => Reply::Json(200, json!([listed(1, "codex", json!({}))])),
        _ => {
            let more = r#","result":{"text":"5 GB"},"cached":true,"cached_at":"2020-01-01T00:00:00.000Z""#;
            Reply::Bytes(200, record("completed", more).replace(RUNTIME, &id(1)).into_bytes())
        }
    });
    let ended = run(&server.await, &["ask", "--all", "model_list"]).await;
    let (heading, answer) = ended.stdout.split_once('\n').unwrap();
    assert!(heading.starts_with(&format!("R1 (codex), {}, listed ", id(1))), "{heading}");
    assert!(heading.ends_with(" d ago, refreshing"), "{heading}");
    assert_eq!((ended.code, answer, ended.stderr.as_str()), (Some(0), "5 GB\n\n", ""));
}

#[tokio::test]
async fn all_json_has_one_line_per_runtime() {
    let ended = run(&fleet().await, &["ask", "--all", "disk_usage", "--json"]).await;
    let mut lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["runtime"]["id"].as_str().unwrap().to_owned());
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| (line["runtime"]["name"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    let expected =
        [("R1", "answered"), ("R2", "failed"), ("R3", "late"), ("R4", "offline"), ("R6", "answered")];
    assert_eq!(outcomes, expected);
    let runtime = json!({"id": id(1), "name": "R1", "provider": "codex", "daemon_id": "box"});
    assert_eq!((&lines[0]["runtime"], &lines[0]["request"]["result"]), (&runtime, &json!({"text": "5 GB"})));
    assert_eq!(lines[1]["error"], "no disk");
    assert_eq!((ended.code, lines[3].get("request")), (Some(1), None));
}

#[tokio::test]
async fn all_answered_is_success() {
    let ended = run(&fleet().await, &["ask", "--all", "--provider", "opencode", "disk_usage"]).await;
    assert_eq!(text(&ended), (Some(0), format!("R6 (opencode), {}\n5 GB\n\n", id(6)).as_str(), ""));
}

#[tokio::test]
async fn all_asks_every_runtime_for_built_in_kind() {
    let server = fleet().await;
    run(&server, &["ask", "--all", "model_list"]).await;
    let mut asked: Vec<_> =
        server.calls().iter().filter(|call| call.method == "POST").map(number_of).collect();
    asked.sort_unstable();
    assert_eq!(asked, [1, 2, 3, 5, 6, 7]);
}

#[tokio::test]
async fn all_with_queue_asks_offline_runtimes() {
    let server = fleet().await;
    let ended = run(&server, &["ask", "--all", "disk_usage", "--queue", "1h", "--no-wait"]).await;
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [1, 2, 3, 4, 6].map(|number| format!("{REQUEST} {}", id(number))));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn kind_of_no_runtime_has_remedy() {
    for (options, of) in [(&[][..], ""), (&["--provider", "x"], " of the type \"x\"")] {
        let ended = run(&fleet().await, &[&["ask", "--all", "weather"], options].concat()).await;
        let help = "`doorbell questions` lists the kinds that a runtime answers";
        let expected = format!("error: no runtime{of} answers weather\nhelp: {help}\n");
        assert_eq!(text(&ended), (Some(1), "", expected.as_str()));
    }
}

#[tokio::test]
async fn interrupted_all_lists_open_requests() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "POST" => Reply::Bytes(200, record("pending", "").replace(RUNTIME, &id(1)).into_bytes()),
        _ if call.path == "/api/runtimes" => Reply::Json(200, json!([listed(1, "codex", disk_usage())])),
        _ => Reply::Hang,
    });
    let server = server.await;
    let running = Machine::new().start(&["ask", "--all", "disk_usage", "--url", &server.url()]);
    calls(&server, 3).await;
    running.signal(Signal::INT);
    let ended = running.end().await;
    let row = ended.stderr.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row, ["open", "R1", "codex", "box", id(1).as_str(), REQUEST]);
    let error = "error: 0 of 1 runtimes answered; requests to the others stay open\nhelp: `doorbell cancel ";
    assert!(ended.code == Some(1) && ended.stderr.contains(error), "{}", ended.stderr);
}
