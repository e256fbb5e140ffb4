//! `doorbell dev` asks this machine for its models and shows the answer.

use crate::support::api::curl;
use crate::support::dev::Dev;
use crate::support::machine::Machine;

const END: &str = "Ctrl-C stops it.";

/// Everything that is printed for a machine before it is only waited for the end.
async fn shown(machine: &Machine, options: &[&str]) -> (Dev, String) {
    let dev = Dev::start(machine, &[options, &["--interval", "0.1"]].concat()).await;
    let printed = dev.process.prints(END).await;
    (dev, printed)
}

#[tokio::test]
async fn a_machine_without_agents_shows_the_sample_catalog() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let table = "    MODEL          LABEL          PROVIDER  THINKING                TIERS
 *  sample/large   Sample Large   sample    low medium* high xhigh  priority flex
    sample/medium  Sample Medium  sample    low* high
    sample/fast    Sample Fast    sample                            priority
    sample/small   Sample Small   sample
";
    assert!(printed.contains(table), "{printed}");
}

#[tokio::test]
async fn a_sample_is_not_passed_off_as_the_machines_own() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let why = "No agent program was found on PATH and none was named: this is a sample catalog.
Install codex or opencode, or name another: `doorbell daemon --help` tells how.";
    assert!(printed.contains(why), "{printed}");
}

#[tokio::test]
async fn a_machine_with_an_agent_shows_no_sample() {
    let machine = Machine::new().with_file("models.json", r#"[{"id": "mine"}]"#);
    let (_dev, printed) = shown(&machine, &["--file", "models.json"]).await;
    assert!(!printed.to_lowercase().contains("sample"), "{printed}");
}

#[tokio::test]
async fn the_models_of_a_file_are_shown_under_its_name_and_id() {
    let machine = Machine::new().with_file("models.json", r#"[{"id": "mine", "label": "My Own"}]"#);
    let (dev, printed) = shown(&machine, &["--file", "models.json"]).await;
    let id = dev.only_id().await;
    let expected = format!("models.json (file), {id}\n MODEL  LABEL\n mine   My Own\n");
    assert!(printed.contains(&expected), "{printed}");
}

#[tokio::test]
async fn the_models_of_a_command_are_shown() {
    let machine = Machine::new().with_program("lister", r#"echo "[{\"id\": \"$1\"}]""#);
    let (_dev, printed) = shown(&machine, &["--command", "lister told"]).await;
    assert!(printed.contains("\n MODEL  LABEL\n told   told\n"), "{printed}");
}

#[tokio::test]
async fn codex_on_the_path_is_found_and_asked() {
    let catalog = r#"{"models": [{"slug": "gpt-x", "display_name": "GPT X", "priority": 1}]}"#;
    let lists = format!(r#"test "$*" = "debug models" && echo '{catalog}' || echo codex-cli 1.2.3"#);
    let (_dev, printed) = shown(&Machine::new().with_program("codex", &lists), &[]).await;
    assert!(printed.contains("\n    MODEL  LABEL  PROVIDER\n *  gpt-x  GPT X  openai\n"), "{printed}");
}

#[tokio::test]
async fn every_agent_of_the_machine_is_asked() {
    let machine =
        Machine::new().with_file("one", r#"[{"id": "first"}]"#).with_file("two", r#"[{"id": "second"}]"#);
    let (_dev, printed) = shown(&machine, &["--file", "one", "--file", "two"]).await;
    assert!(printed.find(" first") < printed.find(" second"), "{printed}");
    assert!(printed.contains(" first"), "{printed}");
}

#[tokio::test]
async fn an_agent_without_an_answer_is_told_and_does_not_end_it() {
    let (dev, printed) = shown(&Machine::new(), &["--file", "missing.json"]).await;
    let expected = "\nNo models: there is no file missing.json on this machine\n";
    assert!(printed.contains(expected), "{printed}");
    assert_eq!(dev.runtimes().await[0]["status"], "online");
}

#[tokio::test]
async fn each_step_is_told_with_its_time() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let steps = printed.split(" STEP ").nth(1).unwrap().split("\n\n").next().unwrap();
    let times: Vec<(&str, u32)> = steps.lines().skip(1).map(step).collect();
    let (all, each) = times.split_last().unwrap();
    assert_eq!((times[0].0, all.0), ("rung", "in all"));
    let sum: u32 = each.iter().map(|(_, time)| time).sum();
    // Each is cut to whole milliseconds.
    assert!(all.1.abs_diff(sum) <= 2, "{steps}");
}

fn step(line: &str) -> (&str, u32) {
    let (step, time) = line.trim().strip_suffix(" ms").unwrap().rsplit_once("  ").unwrap();
    (step.trim(), time.trim().parse().unwrap())
}

#[tokio::test]
async fn the_curl_line_rings_as_it_stands() {
    let (dev, printed) = shown(&Machine::new(), &[]).await;
    let line = printed.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
    let (status, record) = curl(line).await;
    let expected = (200, dev.only_id().await, "pending".into());
    assert_eq!(
        (status, record["runtime_id"].as_str().unwrap().to_owned(), record["status"].clone()),
        expected
    );
}

#[tokio::test]
async fn the_line_with_doorbell_rings_as_it_stands() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let line = printed.lines().find(|line| line.trim().starts_with("doorbell models")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
    let ended = Machine::new().run(&arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn without_a_daemon_the_lines_to_go_on_with_work_as_they_stand() {
    let dev = Dev::without_daemon().await;
    let printed = dev.process.prints(END).await;
    let line = printed.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
    assert_eq!(curl(line).await, (200, serde_json::json!([])));
    let line = printed.lines().find(|line| line.trim().starts_with("doorbell runtimes")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(Machine::new().run(&arguments).await.code, Some(0));
}

#[tokio::test]
async fn a_proxy_for_other_places_is_not_asked_for_this_machine() {
    let nowhere = "http://127.0.0.1:1";
    let machine = Machine::new().with("HTTP_PROXY", nowhere).with("http_proxy", nowhere);
    let (_dev, printed) = shown(&machine, &[]).await;
    assert!(printed.contains("sample/large"), "{printed}");
}
