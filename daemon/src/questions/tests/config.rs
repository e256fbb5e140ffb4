//! From `[[question]]` to the questions of agents.

use std::path::PathBuf;

use super::*;

#[derive(Debug, serde::Deserialize)]
struct File {
    question: Vec<QuestionConfig>,
}

fn build(text: &str) -> Result<QuestionHandlers, QuestionConfigError> {
    let file: File = toml::from_str(text).unwrap();
    QuestionHandlers::build(
        &file.question,
        Path::new("/etc"),
        &Environment::new(|_| None),
        &["codex", "openai"],
    )
}

fn error(keys: &str) -> String {
    build(&format!("[[question]]\n{keys}")).map(|_| ()).unwrap_err().to_string()
}

/// With the keys that a question must have.
fn error_of(keys: &str) -> String {
    error(&format!("name = 'q'\nprogram = ['df']\n{keys}"))
}

fn numbered(count: usize, keys: &str) -> String {
    let question = |number| format!("[[question]]\nname = 'q{number}'\nprogram = ['df']\n{keys}\n");
    (0..count).map(question).collect()
}

#[test]
fn registration_holds_declared_fields_only() {
    let text = "[[question]]\nname = 'a'\nprogram = ['df', '--key=secret']\nenv = ['DISK_TOKEN']\n\
                [[question]]\nname = 'b'\nprogram = ['df']\ndescription = 'Free space'\ntimeout_s = 30\n\
                args_schema = { type = 'object' }\nresult_schema = { maximum = 1.5 }";
    let registration = build(text).unwrap().registration().unwrap();
    let expected = [
        r#"{"name":"a"}"#,
        r#"{"name":"b","description":"Free space","args_schema":{"type":"object"},"result_schema":{"maximum":1.5},"timeout_s":30}"#,
    ];
    assert_eq!(registration.iter().map(Json::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn registration_without_questions_has_no_field() {
    assert_eq!(QuestionHandlers::default().registration(), None);
}

#[test]
fn rejects_names_that_are_taken_or_malformed() {
    let name = |name: &str| error(&format!("name = '{name}'\nprogram = ['df']"));
    for built_in in ["model_list", "local_skills"] {
        let text = format!("question \"{built_in}\": the name belongs to a built-in kind; choose another");
        assert_eq!(name(built_in), text);
    }
    for malformed in ["", "Disk", "0a", "disk-usage", &"a".repeat(65)] {
        let text = name(malformed);
        assert!(
            text.starts_with(&format!("question \"{malformed}\": the name is not a name of a to z")),
            "{text}"
        );
    }
    let twice = build(&numbered(1, "").repeat(2)).unwrap_err().to_string();
    assert_eq!(twice, "question \"q0\" is there twice; rename or remove one");
}

#[test]
fn rejects_missing_program() {
    for program in ["[]", "['']", "[' ', 'a']"] {
        let text = error(&format!("name = 'q'\nprogram = {program}"));
        assert!(text.starts_with("question \"q\": \"program\" is empty; give"), "{text}");
    }
    assert!(error("name = 'q'\nprogram = [\"a\\u0000\"]").contains("zero byte"));
}

#[test]
fn rejects_time_limits_out_of_range() {
    for seconds in [i64::MIN, -1, 0, 901, i64::MAX] {
        let text = format!("question \"q\": \"timeout_s\" is {seconds}; give 1 to 900 seconds");
        assert_eq!(error_of(&format!("timeout_s = {seconds}")), text);
    }
}

#[test]
fn default_time_limit_is_60_seconds() {
    let timeout =
        |keys: &str| build(&numbered(1, keys)).unwrap().get("q0".parse().unwrap()).unwrap().timeout();
    assert_eq!(timeout("").as_secs(), 60);
    assert_eq!((timeout("timeout_s = 1").as_secs(), timeout("timeout_s = 900").as_secs()), (1, 900));
}

#[test]
fn error_names_invalid_schema() {
    let text = error_of("args_schema = { type = 'text' }");
    assert!(text.starts_with("question \"q\": \"args_schema\" is no usable JSON schema: "), "{text}");
    let text = error_of("result_schema = { '$ref' = 'https://example.com/schema.json' }");
    assert!(text.starts_with("question \"q\": \"result_schema\" is no usable JSON schema: "), "{text}");
    let text = error_of("args_schema = { const = 2026-11-29 }");
    assert_eq!(
        text,
        "question \"q\": \"args_schema\" is no usable JSON schema: it has a date; write dates in quotes"
    );
}

#[test]
fn rejects_variables_of_daemon() {
    let text = "question \"q\": \"DOORBELL_TOKEN\" in \"env\" is a variable of the daemon, which no program gets; remove it";
    assert_eq!(error_of("env = ['A', 'DOORBELL_TOKEN']"), text);
    assert_eq!(
        error_of("env = ['A=1']"),
        "question \"q\": \"A=1\" in \"env\" is no name of an environment variable"
    );
}

#[test]
fn rejects_unknown_type_of_agent() {
    let text = "question \"q\": \"codx\" in \"agents\" is no type of agent; the types are codex, openai";
    assert_eq!(error_of("agents = ['codex', 'codx']"), text);
}

#[test]
fn agents_of_other_types_do_not_declare_it() {
    let text = numbered(1, "agents = ['codex']") + &numbered(2, "").replace("q0", "all");
    let questions = build(&text).unwrap();
    let names = |provider| {
        let questions = questions.of(provider);
        questions.declarations().map(|question| question.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names("codex"), names("openai")),
        (vec!["q0".into(), "all".into(), "q1".into()], vec!["all".into(), "q1".into()])
    );
    assert!(questions.of("openai").get("q0".parse().unwrap()).is_none());
}

#[test]
fn number_of_questions_is_bounded() {
    assert!(build(&numbered(50, "")).is_ok());
    let text = "there are 51 questions; a daemon can declare at most 50, so remove some";
    assert_eq!(build(&numbered(51, "")).unwrap_err().to_string(), text);
}

#[test]
fn size_of_questions_is_bounded() {
    let described = |length: usize| build(&numbered(1, &format!("description = '{}'", "x".repeat(length))));
    let around = r#"[{"name":"q0","description":""}]"#.len();
    assert!(described((64 << 10) - around).is_ok());
    let text = "the questions have 65537 bytes as JSON; at most 65536 can be declared, so shorten descriptions or schemas";
    assert_eq!(described((64 << 10) - around + 1).unwrap_err().to_string(), text);
}

#[tokio::test]
async fn relative_program_starts_at_folder_of_file() {
    let machine = Machine::with_script("");
    executable(machine.home(), "other", "echo 7");
    let machine = Machine { program: "['./other']".to_owned(), ..machine };
    assert_eq!(machine.outcome(None).await, "7");
}

/// The daemon may have been started with a relative path of the file, and runs programs in the home directory.
#[test]
fn relative_folder_becomes_absolute() {
    let file: File = toml::from_str("[[question]]\nname = 'q'\nprogram = ['bin/q']").unwrap();
    let questions =
        QuestionHandlers::build(&file.question, Path::new("sub"), &Environment::new(|_| None), &[]).unwrap();
    let expected = std::env::current_dir().unwrap().join("sub/bin/q");
    assert!(
        format!("{:?}", questions.get("q".parse().unwrap()).unwrap()).contains(expected.to_str().unwrap())
    );
}

#[test]
fn debug_shows_no_arguments() {
    let questions = build("[[question]]\nname = 'q'\nprogram = ['df', '--key=secret']").unwrap();
    assert!(!format!("{questions:?}").contains("secret"));
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/questions.toml")
}

/// Needs git and Python 3, as the example does.
#[tokio::test]
async fn questions_of_example_file_are_answered() {
    let file: File = toml::from_str(&std::fs::read_to_string(example()).unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let git = "git init -q -b main src/repo && cd src/repo && \
               git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m first && git branch other";
    let prepared = std::process::Command::new("sh")
        .args(["-c", git])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(home.path())
        .status()
        .unwrap();
    assert!(prepared.success());
    let home_variable = home.path().as_os_str().to_owned();
    let environment = Environment::new(move |name| match name {
        "HOME" => Some(home_variable.clone()),
        _ => std::env::var_os(name),
    });
    let questions =
        QuestionHandlers::build(&file.question, Path::new("/"), &environment, &["codex"]).unwrap();
    let run = async |name: &str, args: &str| {
        let (progress, _) = watch::channel(None);
        let args: Json = args.parse().unwrap();
        let question = questions.get(name.parse().unwrap()).unwrap();
        let result = question.run(next_request(), Some(&args), &progress, &CancellationToken::new()).await;
        result.map_or_else(|error| error.to_string(), |result| result.as_str().to_owned())
    };
    assert!(run("load", "{}").await.contains("load average"));
    assert!(run("disk_usage", "{}").await.contains("Mounted on"));
    assert_eq!(run("git_branches", r#"{"repository":"repo"}"#).await, r#"{"branches": ["main", "other"]}"#);
    assert_eq!(run("git_branches", r#"{"repository":"repo","limit":1}"#).await, r#"{"branches": ["main"]}"#);
    let missing = "git_branches ended with exit code 1: there is no repository none in ~/src";
    assert_eq!(run("git_branches", r#"{"repository":"none"}"#).await, missing);
    let outside = run("git_branches", r#"{"repository":"../src/repo"}"#).await;
    assert!(
        outside.starts_with(r#"git_branches rejects its args: "repository" does not match"#),
        "{outside}"
    );
}
