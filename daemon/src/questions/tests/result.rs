//! What programs print, and how they fail.

use doorbell_protocol::limits::RESULT_BYTES;

use super::*;

#[tokio::test]
async fn json_output_is_the_result() {
    assert_eq!(Machine::with_script(r#"echo '{"free":"7G"}'"#).outcome(None).await, r#"{"free":"7G"}"#);
}

#[tokio::test]
async fn other_output_is_text() {
    let machine = Machine::with_script("echo 'Filesystem  Avail'; echo noise >&2; echo '/  7G'");
    assert_eq!(machine.outcome(None).await, text("Filesystem  Avail\n/  7G"));
}

#[tokio::test]
async fn bare_name_is_found_on_path() {
    let mut machine = Machine::with_script("");
    machine.program = "['df', '--output=target', '/']".to_owned();
    assert_eq!(machine.outcome(None).await, text("Mounted on\n/"));
}

#[tokio::test]
async fn error_names_missing_program_and_remedy() {
    let mut machine = Machine::with_script("");
    for (program, expected) in [
        ("no-such-program", "no-such-program is not installed on this machine, or not on the daemon's PATH"),
        ("/no/such/program", "program is not installed at /no/such/program on this machine"),
    ] {
        machine.program = format!("['{program}']");
        assert_eq!(machine.outcome(None).await, format!("q has no answer: {expected}"));
    }
}

#[tokio::test]
async fn failure_has_code_and_last_lines_of_stderr() {
    let body = "echo secret output; for n in 1 2 3 4 5 6; do echo \"line $n\" >&2; done; exit 2";
    let expected = "q ended with exit code 2: line 2; line 3; line 4; line 5; line 6";
    assert_eq!(Machine::with_script(body).outcome(None).await, expected);
}

#[tokio::test]
async fn silent_failure_names_signal_and_remedy() {
    let text = "q ended with signal 9 and printed no reason to standard error; run its program on the machine to \
                see why";
    assert_eq!(Machine::with_script("kill -s KILL $$").outcome(None).await, text);
}

#[tokio::test]
async fn error_fits_into_wire_limit() {
    let line = "printf '%0300d\\n' 0 >&2";
    let body = format!("{}; exit 1", [line; 5].join("; "));
    let error = Machine::with_script(&body).outcome(None).await;
    assert!(error.len() <= doorbell_protocol::limits::ERROR_BYTES, "{}", error.len());
}

#[tokio::test]
async fn invalid_result_names_field() {
    let machine = Machine::with_script(r#"echo '{"free":["secret"]}'"#)
        .with_keys("result_schema = { properties = { free = { type = 'string' } } }");
    let text = r#"q has an invalid result: "free" is not of type "string"; its program and its "result_schema" do not fit together"#;
    assert_eq!(machine.outcome(None).await, text);
}

#[tokio::test]
async fn result_over_limit_is_an_error() {
    // {"text":"…"}
    let longest = RESULT_BYTES - 11;
    let machine = Machine::with_script(&format!("head -c {longest} /dev/zero | tr '\\0' x"));
    assert_eq!(machine.outcome(None).await.len(), RESULT_BYTES);
    let machine = Machine::with_script(&format!("head -c {} /dev/zero | tr '\\0' x", longest + 1));
    let text = format!(
        "q has a result of {} bytes; at most {RESULT_BYTES} can be reported, so its program must print less",
        RESULT_BYTES + 1
    );
    assert_eq!(machine.outcome(None).await, text);
}

#[tokio::test]
async fn progress_is_shown_while_running() {
    // Waits for the file that the test creates when it has seen the progress.
    let body = r#"echo '{"progress":{"done":1}}'; while ! test -e seen; do sleep 0.01; done; echo '[]'"#;
    let machine = Machine::with_script(body);
    let question = machine.question();
    let (progress, mut receiver) = watch::channel(None);
    let stop = CancellationToken::new();
    let run = question.run(next_request(), None, &progress, &stop);
    let see = async {
        let shown = receiver.wait_for(Option::is_some).await.unwrap().clone();
        std::fs::write(machine.home().join("seen"), "").unwrap();
        shown
    };
    let (result, shown) = tokio::join!(run, see);
    assert_eq!((result.unwrap().as_str(), shown.unwrap().as_str()), ("[]", r#"{"done":1}"#));
}
