//! The program's environment and working directory.

use super::*;

fn variables(result: &Json) -> Vec<String> {
    let value: Value = result.parse().unwrap();
    let mut names: Vec<String> = value["text"].as_str().unwrap().lines().map(str::to_owned).collect();
    names.sort();
    names
}

/// Runs in a process of its own, whose environment has a token: a test cannot change that of its process.
#[tokio::test]
async fn environment_holds_only_named_variables() {
    if std::env::var_os("DOORBELL_TOKEN").is_some() {
        return check_variables().await;
    }
    let name = "questions::tests::environment::environment_holds_only_named_variables";
    let mut test = tokio::process::Command::new(std::env::current_exe().unwrap());
    let output = test.args(["--exact", name]).env("DOORBELL_TOKEN", "dbd_secret").output().await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

async fn check_variables() {
    let machine =
        Machine::with_script("exec env").with_keys("env = ['DISK_TOKEN', 'NOT_SET_ANYWHERE', 'PATH']");
    let request = next_request();
    let (progress, _) = watch::channel(None);
    let result = machine.question().run(request, None, &progress, &CancellationToken::new()).await.unwrap();
    let mut expected = vec![
        format!("DOORBELL_REQUEST={request}"),
        "DISK_TOKEN=disk-secret".to_owned(),
        format!("HOME={}", machine.home().display()),
        format!("PATH={}", std::env::var("PATH").unwrap()),
        format!("PWD={}", machine.home().display()),
    ];
    expected.extend(std::env::var("LANG").map(|lang| format!("LANG={lang}")));
    expected.sort();
    // The shell sets some of its own.
    let shells = ["_=", "SHLVL=", "OLDPWD="];
    let mut found = variables(&result);
    found.retain(|line| !shells.iter().any(|prefix| line.starts_with(prefix)));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn runs_in_home_directory() {
    let machine = Machine::with_script("pwd");
    assert_eq!(machine.outcome(None).await, text(machine.home().to_str().unwrap()));
}

#[tokio::test]
async fn error_names_missing_home() {
    let machine = Machine::with_script("pwd");
    let question = machine.question();
    let home = machine.home().display().to_string();
    drop(machine);
    let (progress, _) = watch::channel(None);
    let error = question.run(next_request(), None, &progress, &CancellationToken::new()).await.unwrap_err();
    let text = format!("q has no answer: the daemon's home directory {home} does not exist on this machine");
    assert_eq!(error.to_string(), text);
}
