//! Args reach standard input only, and only if they match the schema.

use super::*;

/// Prints its arguments from `/proc` and its standard input, each as hex.
const SHOW: &str = "od -An -v -tx1 /proc/$$/cmdline | tr -d ' \\n'; echo; od -An -v -tx1 | tr -d ' \\n'";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn args_reach_standard_input_only() {
    let machine = Machine::with_script(SHOW);
    let script = machine.home().join("script");
    let command_line = format!("/bin/sh\0{}\0fixed argument\0", script.display());
    let nested = (0..110).fold(json!(1), |inner, _| json!([inner]));
    for args in [
        json!({"path": "; touch pwned #", "b": "$(touch pwned)", "c": "`touch pwned`", "d": "--help\n-x\0|&>< * ~"}),
        json!("x".repeat(32_000)),
        nested,
        json!(null),
        json!([1.5, true, "ü\u{202e}"]),
    ] {
        let expected = format!("{}\n{}", hex(command_line.as_bytes()), hex(format!("{args}\n").as_bytes()));
        assert_eq!(machine.outcome(Some(args)).await, text(&expected));
    }
    assert!(!machine.home().join("pwned").exists());
}

#[tokio::test]
async fn missing_args_are_an_empty_object() {
    let machine = Machine::with_script("cat").with_keys("args_schema = { type = 'object' }");
    assert_eq!(machine.outcome(None).await, "{}");
    let machine = Machine::with_script("cat").with_keys("args_schema = { required = ['path'] }");
    assert_eq!(machine.outcome(None).await, r#"q rejects its args: in args: "path" is a required property"#);
}

#[tokio::test]
async fn program_is_not_run_with_invalid_args() {
    let machine = Machine::with_script("touch ran").with_keys(
        "args_schema = { properties = { path = { type = 'string' } }, additionalProperties = false }",
    );
    for (args, expected) in [
        (json!({"path": ["secret"]}), r#""path" is not of type "string""#),
        (
            json!({"other": "secret"}),
            "in args: Additional properties are not allowed ('other' was unexpected)",
        ),
    ] {
        assert_eq!(machine.outcome(Some(args)).await, format!("q rejects its args: {expected}"));
    }
    assert!(!machine.home().join("ran").exists());
}

#[tokio::test]
async fn args_over_limit_are_rejected() {
    let machine = Machine::with_script("wc -c");
    assert_eq!(machine.outcome(Some(json!("x".repeat(32_766)))).await, "32769");
    let text = "q rejects its args: they have more than 32768 bytes";
    assert_eq!(machine.outcome(Some(json!("x".repeat(32_767)))).await, text);
}

async fn run_with(args: &str) -> String {
    let machine =
        Machine::with_script("cat").with_keys("args_schema = { properties = { a = { const = 2 } } }");
    let (progress, _) = watch::channel(None);
    let args: Json = args.parse().unwrap();
    let run = machine.question();
    let result = run.run(next_request(), Some(&args), &progress, &CancellationToken::new()).await;
    result.map_or_else(|error| error.to_string(), |result| result.as_str().to_owned())
}

/// Many parsers take the first member, which was not checked.
#[tokio::test]
async fn program_reads_the_checked_member_of_duplicates() {
    assert_eq!(run_with(r#"{"a":1,"a":2}"#).await, r#"{"a":2}"#);
}

#[tokio::test]
async fn unreadable_args_are_rejected() {
    for args in [r#"{"b":"\ud800"}"#, r#"{"b":1e999}"#] {
        let text =
            "q cannot read its args: they have a number that is too large, or a text that is not Unicode";
        assert_eq!(run_with(args).await, text);
    }
}

#[tokio::test]
async fn program_may_ignore_its_input() {
    let machine = Machine::with_script("exec <&-; echo 1");
    assert_eq!(machine.outcome(Some(json!("x".repeat(32_000)))).await, "1");
}
