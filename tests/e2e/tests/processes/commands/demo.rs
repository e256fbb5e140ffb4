//! The demo of `doorbell dev`: it rings this machine and shows the models.

use crate::support::api::run_curl;
use crate::support::dev::Dev;
use crate::support::machine::Machine;

const END: &str = "Stop with Ctrl-C.";

/// The output up to the last line.
async fn shown(machine: &Machine, options: &[&str]) -> (Dev, String) {
    let dev = Dev::start(machine, &[options, &["--interval", "0.1"]].concat()).await;
    let printed = dev.process.wait_for_stdout(END).await;
    (dev, printed)
}

#[tokio::test]
async fn machine_without_agents_shows_sample() {
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
async fn sample_is_labelled() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let why = "No agent program was found on PATH and none was configured: this is a sample catalog.
Install Claude Code, Codex, OpenCode, Gemini, Copilot or another (`doorbell agents` lists them), or configure one: see
`doorbell daemon --help`.";
    assert!(printed.contains(why), "{printed}");
}

#[tokio::test]
async fn machine_with_agent_shows_no_sample() {
    let machine = Machine::new().with_file("models.json", r#"[{"id": "mine"}]"#);
    let (_dev, printed) = shown(&machine, &["--file", "models.json"]).await;
    assert!(!printed.to_lowercase().contains("sample"), "{printed}");
}

#[tokio::test]
async fn machine_with_questions_only_shows_no_models() {
    let machine =
        Machine::new().with_file("questions.toml", "[[question]]\nname = 'load'\nprogram = ['uptime']");
    let (_dev, printed) = shown(&machine, &["--config", "questions.toml"]).await;
    assert!(printed.contains("\nNo models\n") && printed.contains("\nQuestions: load\n"), "{printed}");
    assert!(printed.contains("this machine answers its questions only.\n"), "{printed}");
}

#[tokio::test]
async fn shows_models_of_file() {
    let machine = Machine::new().with_file("models.json", r#"[{"id": "mine", "label": "My Own"}]"#);
    let (dev, printed) = shown(&machine, &["--file", "models.json"]).await;
    let id = dev.only_id().await;
    let expected = format!("models.json (file), {id}\n MODEL  LABEL\n mine   My Own\n");
    assert!(printed.contains(&expected), "{printed}");
}

#[tokio::test]
async fn shows_models_of_command() {
    let machine = Machine::new().with_program("lister", r#"echo "[{\"id\": \"$1\"}]""#);
    let (_dev, printed) = shown(&machine, &["--command", "lister listed"]).await;
    assert!(printed.contains("\n MODEL   LABEL\n listed  listed\n"), "{printed}");
}

#[tokio::test]
async fn detects_codex_on_path() {
    let catalog = r#"{"models": [{"slug": "gpt-x", "display_name": "GPT X", "priority": 1}]}"#;
    let lists = format!(r#"test "$*" = "debug models" && echo '{catalog}' || echo codex-cli 1.2.3"#);
    let (_dev, printed) = shown(&Machine::new().with_program("codex", &lists), &[]).await;
    assert!(printed.contains("\n    MODEL  LABEL  PROVIDER\n *  gpt-x  GPT X  openai\n"), "{printed}");
}

#[tokio::test]
async fn shows_models_of_every_agent() {
    let machine =
        Machine::new().with_file("one", r#"[{"id": "first"}]"#).with_file("two", r#"[{"id": "second"}]"#);
    let (_dev, printed) = shown(&machine, &["--file", "one", "--file", "two"]).await;
    assert!(printed.find(" first") < printed.find(" second"), "{printed}");
    assert!(printed.contains(" first"), "{printed}");
}

#[tokio::test]
async fn failing_agent_does_not_end_dev() {
    let (dev, printed) = shown(&Machine::new(), &["--file", "missing.json"]).await;
    let expected = "\nNo models: there is no file missing.json on this machine\n";
    assert!(printed.contains(expected), "{printed}");
    assert_eq!(dev.runtimes().await[0]["status"], "online");
}

#[tokio::test]
async fn shows_time_of_each_step() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let steps = printed.split(" STEP ").nth(1).unwrap().split("\n\n").next().unwrap();
    let times: Vec<(&str, u32)> = steps.lines().skip(1).map(step).collect();
    let (all, each) = times.split_last().unwrap();
    assert_eq!((times[0].0, all.0), ("ring", "total"));
    let sum: u32 = each.iter().map(|(_, time)| time).sum();
    // Each is rounded down to milliseconds.
    assert!(all.1.abs_diff(sum) <= 2, "{steps}");
}

/// The list of the first run is in the catalog.
#[tokio::test]
async fn second_run_on_a_data_file_rings() {
    let machine = Machine::new().with_file("models.json", r#"[{"id": "mine"}]"#);
    for _ in 0..2 {
        let (dev, printed) = shown(&machine, &["--file", "models.json", "--data", "doorbell.db"]).await;
        assert!(printed.contains("\n total "), "{printed}");
        dev.process.terminate().await;
    }
}

fn step(line: &str) -> (&str, u32) {
    let (step, time) = line.trim().strip_suffix(" ms").unwrap().rsplit_once("  ").unwrap();
    (step.trim(), time.trim().parse().unwrap())
}

#[tokio::test]
async fn printed_curl_command_rings() {
    let (dev, printed) = shown(&Machine::new(), &[]).await;
    let line = printed.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
    let (status, record) = run_curl(line).await;
    let expected = (200, dev.only_id().await, "pending".into());
    assert_eq!(
        (status, record["runtime_id"].as_str().unwrap().to_owned(), record["status"].clone()),
        expected
    );
}

#[tokio::test]
async fn printed_doorbell_command_rings() {
    let (_dev, printed) = shown(&Machine::new(), &[]).await;
    let line = printed.lines().find(|line| line.trim().starts_with("doorbell models")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
    let ended = Machine::new().run(&arguments).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn printed_commands_work_without_daemon() {
    let dev = Dev::without_daemon().await;
    let printed = dev.process.wait_for_stdout(END).await;
    let line = printed.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
    assert_eq!(run_curl(line).await, (200, serde_json::json!([])));
    let line = printed.lines().find(|line| line.trim().starts_with("doorbell runtimes")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(Machine::new().run(&arguments).await.code, Some(0));
}

#[tokio::test]
async fn loopback_bypasses_proxy() {
    let nowhere = "http://127.0.0.1:1";
    let machine = Machine::new().with_env("HTTP_PROXY", nowhere).with_env("http_proxy", nowhere);
    let (_dev, printed) = shown(&machine, &[]).await;
    assert!(printed.contains("sample/large"), "{printed}");
}
