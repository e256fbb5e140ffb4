//! Man pages and completion scripts.

use crate::support::machine::Machine;

#[tokio::test]
async fn man_creates_directory_and_writes_pages() {
    let machine = Machine::new();
    let ended = machine.run(&["man", "share/man1"]).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""));
    for page in ["doorbell.1", "doorbell-daemon.1", "doorbell-token-create.1"] {
        assert!(machine.read(&format!("share/man1/{page}")).contains("\n.SH NAME\n"), "{page}");
    }
}

#[tokio::test]
async fn man_does_not_print_token_of_environment() {
    let machine = Machine::new().with_env("DOORBELL_TOKEN", "dbu_secret");
    assert_eq!(machine.run(&["man", "."]).await.code, Some(0));
    let page = machine.read("doorbell-runtimes.1");
    assert!(page.contains("DOORBELL_TOKEN") && !page.contains("dbu_secret"), "{page}");
}

#[tokio::test]
async fn man_names_directory_that_cannot_be_written() {
    let ended = Machine::new().with_file("file", "").run(&["man", "file/man1"]).await;
    assert_eq!(ended.code, Some(1));
    let expected = "error: the man pages cannot be written to file/man1: ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
}

#[tokio::test]
async fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = Machine::new().run(&["completions", shell]).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(ended.stdout.contains("questions") && ended.stdout.contains("allow-http"), "{shell}");
    }
}
