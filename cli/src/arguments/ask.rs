//! `doorbell ask`.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, CommandFactory as _, FromArgMatches};
use doorbell_protocol::limits::{ARGS_BYTES, QUEUE_MAX_S};
use doorbell_protocol::{IdempotencyKey, Json, Kind};

use super::Arguments;
use super::client::ClientArgs;
use super::parsers::idempotency_key;
use super::request_args::{arg, args, object};

/// `doorbell ask`, checked: [`AskLine`] has its options.
#[derive(Debug)]
pub struct Ask {
    pub target: Target,
    pub kind: Kind,
    pub args: Option<Json>,
    /// Whether to wait for the end of the requests.
    pub waits: bool,
    pub queue_s: u32,
    pub idempotency_key: Option<IdempotencyKey>,
    /// Whether the runtime is asked although the server has an answer.
    pub refresh: bool,
    pub client: ClientArgs,
    pub json: bool,
}

/// The runtimes to ask.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// The runtime with this id, name or type.
    Runtime(String),
    /// Every runtime that answers the kind, or those of a type.
    All { provider: Option<String> },
}

#[derive(Debug, Args)]
#[command(
    override_usage = "doorbell ask [OPTIONS] <RUNTIME> <KIND>\n       doorbell ask [OPTIONS] --all <KIND>",
    after_help = "\
Without --wait, prints the id of the request. With --wait, prints its result as JSON, or the text alone of a result of the \
form {\"text\":…}. The answer to a request without --wait can be fetched from the API, or with --wait and the same \
--idempotency-key within 2 minutes. `doorbell questions` lists the kinds that a runtime answers.

A request without arguments joins one of its kind that still waits for the runtime, so that many terminals cause one run. With \
--idempotency-key it is one of its own.

A value of --arg is JSON if it is a JSON number, true, false, null, an array or an object, and a string otherwise: depth=2 \
is a number, path=/srv and name=\"a\" are strings. Use --args for other values, such as the string \"2\".

Exit code 1 when the request failed or timed out. With --all, when any runtime did not answer.

Examples:
  doorbell ask Codex disk_usage --wait
  doorbell ask Codex branches --arg path=/srv/app --arg limit=5 --wait
  doorbell ask Codex branches --args '{\"path\":\"/srv/app\"}' --json
  doorbell ask Laptop disk_usage --queue 12h
  doorbell ask --all --provider codex disk_usage"
)]
struct AskLine {
    /// An id, or a unique name or type, in any case
    #[arg(value_name = "RUNTIME")]
    first: String,

    /// What to ask: a kind such as disk_usage
    #[arg(value_name = "KIND", required_unless_present = "all")]
    second: Option<String>,

    /// Ask every runtime that answers the kind, wait, and print each answer
    #[arg(long)]
    all: bool,

    /// With --all: only runtimes of this type, in any case
    #[arg(long, value_name = "TYPE", requires = "all")]
    provider: Option<String>,

    /// Arguments of the request, any JSON value
    #[arg(long, value_name = "JSON", value_parser = args, conflicts_with = "arg")]
    args: Option<Json>,

    /// One member of the arguments (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = arg)]
    arg: Vec<(String, Json)>,

    /// Wait for the end of the request and print its result
    #[arg(long)]
    wait: bool,

    /// With --all: print the ids of the requests instead of waiting
    #[arg(long, requires = "all", conflicts_with = "wait")]
    no_wait: bool,

    /// Ask an offline runtime too; the request waits for it this long, such as 1h or 7d
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = queue)]
    queue: u32,

    /// Ask only once with this key within 2 minutes [default: a new key for a request with arguments]
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    idempotency_key: Option<IdempotencyKey>,

    /// Kind model_list: ask the runtime, although the server may have its list
    #[arg(long)]
    refresh: bool,

    #[command(flatten)]
    client: ClientArgs,

    /// Print the API's JSON; with --all, one line for each runtime
    #[arg(long)]
    json: bool,
}

impl TryFrom<AskLine> for Ask {
    type Error = String;

    fn try_from(line: AskLine) -> Result<Self, String> {
        let AskLine { first, second, all, provider, args, arg, wait, no_wait, .. } = line;
        let (target, kind) = match (all, second) {
            (false, Some(kind)) => (Target::Runtime(first), kind),
            (true, None) => (Target::All { provider }, first),
            (true, Some(_)) => return Err("--all asks every runtime: give the kind alone".to_owned()),
            (false, None) => return Err("a kind is required".to_owned()),
        };
        let args = if arg.is_empty() { args } else { Some(object(&arg)?) };
        if args.as_ref().is_some_and(|args| args.as_str().len() > ARGS_BYTES) {
            return Err(format!("the arguments have more than {} KB", ARGS_BYTES >> 10));
        }
        Ok(Self {
            target,
            kind: kind.parse().map_err(|error| format!("invalid kind '{kind}': {error}"))?,
            args,
            waits: wait || (all && !no_wait),
            queue_s: line.queue,
            idempotency_key: line.idempotency_key,
            refresh: line.refresh,
            client: line.client,
            json: line.json,
        })
    }
}

impl FromArgMatches for Ask {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        AskLine::from_arg_matches(matches)?.try_into().map_err(usage_error)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Ask {
    fn augment_args(command: Command) -> Command {
        AskLine::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        AskLine::augment_args_for_update(command)
    }
}

/// With the usage of `doorbell ask`.
fn usage_error(message: String) -> clap::Error {
    let mut arguments = Arguments::command();
    arguments.build();
    match arguments.find_subcommand_mut("ask") {
        Some(command) => command.error(ErrorKind::ValueValidation, message),
        None => arguments.error(ErrorKind::ValueValidation, message),
    }
}

fn queue(text: &str) -> Result<u32, String> {
    let queue = humantime::parse_duration(text).map_err(|_| "not a time such as 1h, 30m or 7d".to_owned())?;
    if queue > Duration::from_secs(QUEUE_MAX_S.into()) {
        return Err("a request waits at most 7 days".to_owned());
    }
    // At most 604,800.
    u32::try_from(queue.as_millis().div_ceil(1_000)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Command as Subcommand;

    fn parse(arguments: &[&str]) -> Result<Ask, String> {
        let line = [&["doorbell", "ask"], arguments].concat();
        match Arguments::try_parse_from(line).map_err(|error| error.to_string())?.command {
            Subcommand::Ask(ask) => Ok(ask),
            other => panic!("{other:?}"),
        }
    }

    fn args_of(options: &[&str]) -> String {
        parse(&[&["box", "disk_usage"], options].concat()).unwrap().args.unwrap().as_str().to_owned()
    }

    #[test]
    fn kind_follows_runtime_or_all() {
        let one = parse(&["box", "disk_usage"]).unwrap();
        assert_eq!((one.target, one.kind.as_str()), (Target::Runtime("box".to_owned()), "disk_usage"));
        let all = parse(&["--all", "disk_usage", "--provider", "codex"]).unwrap();
        let target = Target::All { provider: Some("codex".to_owned()) };
        assert_eq!((all.target, all.kind.as_str()), (target, "disk_usage"));
    }

    #[test]
    fn incomplete_target_has_usage_of_ask() {
        for (line, text) in [
            (&["--all", "box", "disk_usage"][..], "--all asks every runtime: give the kind alone"),
            (&["--all", "Disk"], "invalid kind 'Disk': not a name of a to z"),
            (&["box", "disk-usage"], "invalid kind 'disk-usage': "),
            (&["box"], "<KIND>"),
            (&["box", "a", "--provider", "codex"], "--all"),
            (&["box", "a", "--no-wait"], "--all"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(text) && error.contains("Usage: doorbell ask "), "{line:?}: {error}");
        }
    }

    #[test]
    fn only_all_waits_by_default() {
        let waits = |line: &[&str]| parse(line).unwrap().waits;
        assert!(!waits(&["box", "a"]) && waits(&["box", "a", "--wait"]));
        assert!(
            waits(&["--all", "a"])
                && waits(&["--all", "a", "--wait"])
                && !waits(&["--all", "a", "--no-wait"])
        );
    }

    #[test]
    fn members_keep_order_and_spelling() {
        assert_eq!(args_of(&["--arg", "z=1.10", "--arg", "a\"b=x"]), r#"{"z":1.10,"a\"b":"x"}"#);
        assert_eq!(args_of(&["--args", "[1.10, null]"]), "[1.10, null]");
    }

    #[test]
    fn malformed_arguments_are_usage_errors() {
        let deep = format!("{}1{}", "[".repeat(121), "]".repeat(121));
        let long = format!("\"{}\"", "a".repeat(32 * 1024));
        for (options, text) in [
            (&["--arg", "path"][..], "not of the form key=value"),
            (&["--arg", "=1"], "the key is empty"),
            (&["--arg", "a=1", "--arg", "a=2"], "the argument 'a' is given twice"),
            (&["--args", "{path:1}"], "not a JSON value such as {\"path\":\"/srv\"}: "),
            (&["--args", "1", "--arg", "a=1"], "cannot be used with"),
            (&["--args", &deep], "nested deeper than 120 levels"),
            (&["--arg", &format!("a={deep}")], "nested deeper than 120 levels"),
            (&["--args", &long], "the arguments have more than 32 KB"),
        ] {
            let error = parse(&[&["box", "disk_usage"], options].concat()).unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
    }

    #[test]
    fn queue_is_at_most_7_days() {
        for (text, seconds) in [("0s", 0), ("1h", 3_600), ("7d", 604_800), ("1500ms", 2)] {
            assert_eq!(queue(text), Ok(seconds), "{text}");
        }
        for text in ["", "1", "soon", "-1h", "8d", "604801s"] {
            assert!(queue(text).is_err(), "{text}");
        }
    }
}
