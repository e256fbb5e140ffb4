//! `--help`.

use crate::support::machine::Machine;

async fn help(machine: &Machine, arguments: &[&str]) -> String {
    let ended = machine.run(&[arguments, &["--help"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

#[tokio::test]
async fn every_command_is_shown_by_examples() {
    for (command, example) in [
        ("dev", "\n  doorbell dev --file models.json\n"),
        ("daemon", "\n  doorbell daemon --openai http://127.0.0.1:11434/v1\n"),
        ("runtimes", "\n  doorbell runtimes --json\n"),
        ("models", "\n  doorbell models Codex\n"),
    ] {
        let help = help(&Machine::new(), &[command]).await;
        assert!(help.contains("\nExamples:\n") && help.contains(example), "{help}");
    }
}

#[tokio::test]
async fn a_token_of_the_environment_is_not_shown() {
    let machine = Machine::new().with("DOORBELL_TOKEN", "dbu_secret");
    for command in ["daemon", "runtimes", "models"] {
        let help = help(&machine, &[command]).await;
        assert!(help.contains("DOORBELL_TOKEN") && !help.contains("dbu_secret"), "{help}");
    }
}

#[tokio::test]
async fn the_defaults_are_what_dev_serves() {
    let help = help(&Machine::new(), &["daemon"]).await;
    let words: Vec<&str> = help.split_whitespace().collect();
    let words = words.join(" ");
    for default in ["http://127.0.0.1:3000", "dbd_dev_a", "00000000-0000-4000-8000-00000000000a"] {
        assert!(words.contains(&format!("[default: {default}]")), "{help}");
    }
}
