//! `doorbell dev --functions`: the command in front of functions that are invoked over HTTP.

use doorbell_shared::http::AppState;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::lambda;

use crate::support::api::USER_A;
use crate::support::machine::Machine;

/// A URL at which nothing listens.
const NOTHING: &str = "http://127.0.0.1:1/functions/{}/invocations";

/// The URL of functions with the tokens of `doorbell dev` in their table.
async fn functions() -> String {
    let store = MemoryStore::default();
    let state = AppState::new(store);
    doorbell_gateway::issue_dev_tokens(&state.store, state.clock.now()).await.unwrap();
    lambda::serve(state.clone(), state).await
}

#[tokio::test]
async fn serves_functions_at_url() {
    let url = functions().await;
    let dev = Machine::new().start(&["dev", "--addr", "127.0.0.1:0", "--functions", &url]);
    let printed = dev.wait_for_stdout("Ctrl-C").await;
    assert!(printed.contains(&format!(" (functions: {url})\n")), "{printed}");
    let address = printed.strip_prefix("Doorbell listens on ").unwrap().split(' ').next().unwrap();
    let ended = Machine::new().run(&["runtimes", "--json", "--url", address, "--token", USER_A]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[]\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn settings_of_functions_and_daemon_are_usage_errors() {
    for options in [
        &["--store", "memory"][..],
        &["--table", "doorbell"],
        &["--data", "doorbell.db"],
        &["--no-token-limits"],
        &["--interval", "1s"],
        &["--file", "models.json"],
    ] {
        let ended = Machine::new().run(&[&["dev", "--functions", NOTHING], options].concat()).await;
        assert_eq!(ended.code, Some(2), "{options:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("--functions <URL>' cannot be used with"), "{}", ended.stderr);
    }
}

/// The variable may be set for `doorbell token`.
#[tokio::test]
async fn table_of_environment_is_ignored() {
    let machine = Machine::new().with_env("DOORBELL_TABLE", "doorbell");
    let dev = machine.start(&["dev", "--addr", "127.0.0.1:0", "--functions", NOTHING]);
    dev.wait_for_stdout("Doorbell listens on ").await;
}

#[tokio::test]
async fn url_without_name_is_a_usage_error() {
    let ended = Machine::new().run(&["dev", "--functions", "http://127.0.0.1:4566"]).await;
    assert_eq!(ended.code, Some(2));
    let example = "such as http://127.0.0.1:4566/2015-03-31/functions/doorbell-{}/invocations";
    assert!(ended.stderr.contains(example), "{}", ended.stderr);
}

#[tokio::test]
async fn token_is_not_sent_unencrypted_to_another_machine() {
    let ended = Machine::new().run(&["dev", "--functions", "http://192.0.2.1/{}"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("unencrypted on its way to http://192.0.2.1\n"), "{}", ended.stderr);
}

#[tokio::test]
async fn missing_region_has_remedy() {
    let machine = Machine::new().with_env("AWS_EC2_METADATA_DISABLED", "true");
    let url = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/doorbell-{}/invocations";
    let ended = machine.run(&["dev", "--functions", url]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        ended.stderr,
        "error: no AWS region is set\nhelp: set AWS_REGION to the region of the functions\n"
    );
}

#[tokio::test]
async fn missing_credentials_have_remedy() {
    let machine = Machine::new().with_env("AWS_EC2_METADATA_DISABLED", "true");
    let url = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/doorbell-{}/invocations";
    let ended = machine.with_env("AWS_REGION", "eu-west-1").run(&["dev", "--functions", url]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: no AWS credentials: "), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("such as AWS_PROFILE; -v logs more\n"), "{}", ended.stderr);
}
