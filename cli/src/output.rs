//! Output: tables and JSON on standard output, notes, progress and errors on standard error. Colour and progress appear only on
//! a terminal; `NO_COLOR` turns colour off.

mod answer;
mod json_text;
mod qr;

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anstyle::AnsiColor;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use doorbell_protocol::limits::{CATALOG_FRESHNESS, QUESTION_TIMEOUT_DEFAULT_S};
use doorbell_protocol::{
    AnyRequestRecord, Model, ModelEntry, Question, RequestId, RuntimeRecord, ServiceTier, Status, Thinking,
    Timestamp, TokenInfo, is_layout_control,
};
use doorbell_shared::http::access_log;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use answer::{json_line, result};
pub use qr::qr_code;

/// Logs text to standard error.
pub fn log_to_stderr(level: LevelFilter) {
    let text = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false);
    tracing_subscriber::registry().with(access_log::filter(level)).with(text).init();
}

/// Whether a write to standard output has failed.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Whether a part of the output was not written, for example because the disk is full.
pub fn has_failed() -> bool {
    HAS_FAILED.load(Ordering::Relaxed)
}

/// Remembers a failed write to standard output. A closed pipe (`| head`) is not an error.
fn written(result: io::Result<()>) {
    if result.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        HAS_FAILED.store(true, Ordering::Relaxed);
    }
}

/// Prints a line on standard output.
pub fn line(text: impl std::fmt::Display) {
    written(writeln!(anstream::stdout(), "{text}"));
}

/// Prints a line on standard error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints an error and a hint in cargo's format.
pub fn error(error: &dyn std::error::Error, hint: Option<&str>) {
    let [red, cyan] = [AnsiColor::BrightRed, AnsiColor::BrightCyan].map(|colour| colour.on_default().bold());
    note(format!("{red}error{red:#}: {}", plain(&error.to_string())));
    if let Some(hint) = hint {
        note(format!("{cyan}help{cyan:#}: {}", plain(hint)));
    }
}

/// Prints a warning in cargo's format.
pub fn warning(text: impl std::fmt::Display) {
    let yellow = AnsiColor::BrightYellow.on_default().bold();
    note(format!("{yellow}warning{yellow:#}: {}", plain(&text.to_string())));
}

/// Writes bytes to standard output.
pub fn raw(bytes: &[u8]) {
    written(io::stdout().write_all(bytes));
}

/// Prints JSON for other programs, unchanged: terminal escapes are not stripped.
pub fn json(value: &impl Serialize) {
    // Not by way of a `Value`, which changes numbers and rejects some texts of models.
    if let Ok(json) = serde_json::to_string_pretty(value) {
        written(writeln!(io::stdout(), "{json}"));
    }
}

/// Replaces control characters in foreign text, which could control the terminal, and those of [`is_layout_control`].
pub fn plain(text: &str) -> String {
    text.replace(
        |letter| letter != '\n' && (char::is_control(letter) || is_layout_control(letter)),
        "\u{fffd}",
    )
}

pub fn heading(runtime: &RuntimeRecord) -> String {
    cell(&format!("{} ({}), {}", runtime.name, runtime.provider, runtime.id))
}

/// A table of runtimes at `now`.
pub fn runtimes(runtimes: &[RuntimeRecord], now: Timestamp) -> String {
    let row = |runtime: &RuntimeRecord| {
        let RuntimeRecord { id, name, provider, status, daemon_id, metadata, .. } = runtime;
        let version = metadata.as_ref().and_then(|metadata| metadata.version.as_deref()).unwrap_or_default();
        let seen = ago(now.since(runtime.last_seen_at));
        [name.as_str(), provider, version, status.as_str(), &seen, &id.to_string(), daemon_id].map(cell)
    };
    table(["NAME", "TYPE", "VERSION", "STATUS", "SEEN", "ID", "DAEMON"], "ID", runtimes.iter().map(row))
}

/// A table of the agents of this machine.
pub fn agents(rows: impl Iterator<Item = [String; 8]>) -> String {
    let header = ["NAME", "TYPE", "VERSION", "PROGRAM", "ASKED WITH", "MODELS", "TOOK", "ERROR"];
    table(header, "TYPE", rows.map(|row| row.map(|text| cell(&text))))
}

/// A table of the runtimes of a daemon.
pub fn served_runtimes(rows: impl Iterator<Item = [String; 4]>) -> String {
    table(["NAME", "TYPE", "VERSION", "ID"], "ID", rows.map(|row| row.map(|text| cell(&text))))
}

/// Names and values, one pair per line.
pub fn fields(rows: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in rows {
        table.add_row([name.to_owned(), cell(&value)]);
    }
    table.trim_fmt()
}

/// The runtimes with an ambiguous name, one per line.
pub fn candidates(runtimes: &[&RuntimeRecord]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for runtime in runtimes {
        let RuntimeRecord { id, name, provider, status, daemon_id, .. } = runtime;
        table.add_row([&id.to_string(), name, provider, status.as_str(), daemon_id].map(cell));
    }
    let lines: Vec<_> = table.trim_fmt().lines().map(|line| format!(" {line}")).collect();
    lines.join("\n")
}

/// A time in the past, in its largest unit.
pub fn ago(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        seconds @ ..60 => format!("{seconds} s ago"),
        seconds @ ..3_600 => format!("{} min ago", seconds / 60),
        seconds @ ..86_400 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} d ago", seconds / 86_400),
    }
}

/// The age of a list that the catalog had at `now`. A ring that is answered with an older one than a minute also refreshes it.
pub fn listed(at: Timestamp, now: Timestamp) -> String {
    let age = now.since(at);
    if age < CATALOG_FRESHNESS {
        "listed just now".to_owned()
    } else {
        format!("listed {}, refreshing", ago(age))
    }
}

/// A table of events: the time, the time since the ring, the event, and the subject of the token that caused it.
pub fn events(events: impl Iterator<Item = [String; 4]>) -> String {
    table(["TIME", "AFTER", "EVENT", "BY"], "TIME", events.map(|event| event.map(|text| cell(&text))))
}

/// A table of models, with a star at the runtime's default.
pub fn models(entries: &[ModelEntry]) -> String {
    let row = |entry: &ModelEntry| {
        let Model { id, label, provider, default, thinking, service_tiers } = entry.model();
        let thinking = thinking.as_ref().map(levels).unwrap_or_default();
        let default = if default { "*" } else { "" };
        [default, &id, &label, &provider.unwrap_or_default(), &thinking, &tiers(&service_tiers)].map(cell)
    };
    let header = ["", "MODEL", "LABEL", "PROVIDER", "THINKING", "TIERS"];
    table(header, "MODEL", entries.iter().map(row))
}

fn tiers(tiers: &[ServiceTier]) -> String {
    tiers.iter().map(|tier| tier.id.as_str()).collect::<Vec<_>>().join(" ")
}

/// The levels, with a star at the default.
fn levels(thinking: &Thinking) -> String {
    let level = |value: &str| match thinking.default_level.as_deref() {
        Some(default) if default == value => format!("{value}*"),
        _ => value.to_owned(),
    };
    thinking.supported_levels.iter().map(|supported| level(&supported.value)).collect::<Vec<_>>().join(" ")
}

/// A table of tokens.
pub fn tokens(tokens: &[TokenInfo]) -> String {
    let rows = tokens.iter().map(|token| {
        let scopes: Vec<_> = token.scopes.iter().map(ToString::to_string).collect();
        let or_never = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let TokenInfo { id, last_four, subject, daemon_id, .. } = token;
        let daemon = daemon_id.as_deref().unwrap_or_default();
        let created = token.created_at.to_string();
        let used = or_never(token.last_used_at);
        let expires = or_never(token.expires_at);
        [id, last_four, subject, &scopes.join(" "), daemon, &created, &used, &expires].map(cell)
    });
    let header = ["ID", "ENDS IN", "SUBJECT", "SCOPE", "DAEMON", "CREATED", "LAST USED", "EXPIRES"];
    table(header, "ID", rows)
}

/// A table of questions.
pub fn questions(questions: &[Question]) -> String {
    let row = |question: &Question| {
        let args = question.args_schema.as_ref().map(answer::args_summary).unwrap_or_default();
        let description = question.description.as_deref().unwrap_or_default();
        let timeout = format!("{} s", question.timeout_s.unwrap_or(QUESTION_TIMEOUT_DEFAULT_S));
        [question.name.as_str(), description, &timeout, &args].map(cell)
    };
    table(["KIND", "DESCRIPTION", "TIMEOUT", "ARGS"], "KIND", questions.iter().map(row))
}

/// A runtime that did not answer.
#[derive(Debug)]
pub struct Unanswered<'a> {
    pub outcome: &'static str,
    pub runtime: &'a RuntimeRecord,
    pub request: Option<RequestId>,
    pub reason: String,
}

/// A table of the runtimes that did not answer.
pub fn unanswered(runtimes: &[Unanswered<'_>]) -> String {
    let row = |Unanswered { outcome, runtime, request, reason }: &Unanswered<'_>| {
        let RuntimeRecord { id, name, provider, daemon_id, .. } = runtime;
        let request = request.map(|request| request.to_string()).unwrap_or_default();
        [outcome, name.as_str(), provider, daemon_id, &id.to_string(), &request, reason].map(cell)
    };
    table(["OUTCOME", "NAME", "TYPE", "DAEMON", "ID", "REQUEST", "REASON"], "ID", runtimes.iter().map(row))
}

/// A table of steps with their durations.
pub fn steps(steps: &[(&str, Duration)]) -> String {
    let times: Vec<_> = steps.iter().map(|(_, duration)| format!("{} ms", duration.as_millis())).collect();
    let widest = times.iter().map(String::len).max().unwrap_or_default();
    let row =
        |((step, _), time): (&(&str, Duration), &String)| [(*step).to_owned(), format!("{time:>widest$}")];
    table(["STEP", "TOOK"], "TOOK", steps.iter().zip(&times).map(row))
}

/// Foreign text in one line.
fn cell(text: &str) -> String {
    plain(&text.replace('\n', " "))
}

/// Drops empty columns. The column `whole` is never wrapped, so that users can copy its values.
fn table<const N: usize>(header: [&str; N], whole: &str, rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.collect();
    let is_used = |column: &usize| rows.iter().any(|row| !row[*column].is_empty());
    let columns: Vec<usize> = (0..N).filter(is_used).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|&column| header[column]));
    for row in &rows {
        table.add_row(columns.iter().map(|&column| &row[column]));
    }
    fit(&mut table, columns.iter().position(|&column| header[column] == whole));
    table.trim_fmt()
}

/// Wraps the table to the width of the terminal. Without a terminal, lines are never wrapped.
fn fit(table: &mut Table, whole: Option<usize>) {
    let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(io::stdout()) else {
        return;
    };
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    if let Some(column) = whole.and_then(|whole| table.column_mut(whole)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// Progress of a request, visible on a terminal only.
#[derive(Debug)]
pub struct Spinner(ProgressBar);

impl Spinner {
    /// While the agents of this machine are asked.
    pub fn asking(agents: usize) -> Self {
        let spinner = Self::start();
        spinner.0.set_message(format!("asking {agents} agents"));
        spinner
    }

    pub fn start() -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.set_message("ringing");
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self(spinner)
    }

    pub fn show(&self, status: Status) {
        self.0.set_message(self::status(status));
    }

    /// Shows the status and the progress of a request.
    pub fn show_record(&self, record: &AnyRequestRecord) {
        self.0.set_message(answer::progress(record));
    }

    /// Shows how many of `asked` runtimes have not answered yet.
    pub fn show_open(&self, asked: usize, open: usize) {
        self.0.set_message(format!("waiting for {open} of {asked} runtimes"));
    }

    /// Removes the spinner from the terminal while `print` prints.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending: waiting for the runtime's next heartbeat",
        Status::Running => "running: the runtime is working",
        _ => "completed",
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_replaces_control_and_layout_characters() {
        for letter in ['\u{1b}', '\u{9b}', '\r', '\u{202e}', '\u{2028}'] {
            assert_eq!(plain(&format!("a{letter}b")), "a\u{fffd}b", "{letter:?}");
        }
        for text in ["a\nb", "שלום", "ü\u{200d}🙂"] {
            assert_eq!(plain(text), text);
        }
    }

    #[test]
    fn ago_has_the_largest_unit() {
        for (seconds, text) in [
            (0, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (86_399, "23 h ago"),
            (604_800, "7 d ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn list_of_the_catalog_is_refreshed_from_a_minute_on() {
        let listed_at = Timestamp::from_millis(1_795_318_867_123).unwrap();
        for (seconds, text) in [
            (0, "listed just now"),
            (59, "listed just now"),
            (60, "listed 1 min ago, refreshing"),
            (86_400, "listed 1 d ago, refreshing"),
        ] {
            assert_eq!(listed(listed_at, listed_at + Duration::from_secs(seconds)), text);
        }
        // The client's clock is behind the server's.
        assert_eq!(listed(listed_at, listed_at - Duration::from_secs(3_600)), "listed just now");
    }
}
