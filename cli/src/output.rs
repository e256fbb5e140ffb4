//! Tables and JSON on standard output, everything else on standard error. Colour and motion only on a terminal, and no
//! colour with `NO_COLOR`.

use std::io::{self, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use doorbell_shared::http::log;
use doorbell_shared::request::Status;
use doorbell_shared::wire::{Model, ModelEntry, RuntimeRecord, Thinking};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs to standard error, for people.
pub fn log_to_stderr(level: LevelFilter) {
    let people = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false);
    tracing_subscriber::registry().with(log::filter(level)).with(people).init();
}

/// Prints a line on standard output. A reader that has gone away (`| head`) is no error.
pub fn line(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Prints a line on standard error.
pub fn note(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints an error and what it was caused by, as cargo does.
pub fn error(error: &dyn std::error::Error) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    note(format!("{red}error{red:#}: {error}"));
}

/// Prints JSON for other programs.
pub fn json(value: &Value) {
    line(format!("{value:#}"));
}

/// A runtime a line.
pub fn runtimes(runtimes: &[RuntimeRecord]) -> String {
    let mut table = table(["NAME", "TYPE", "STATUS", "ID", "DAEMON"]);
    for runtime in runtimes {
        let id = runtime.id.to_string();
        table.add_row([&runtime.name, &runtime.provider, runtime.status.as_str(), &id, &runtime.daemon_id]);
    }
    table.trim_fmt()
}

/// A model a line; the runtime's own choice is starred.
pub fn models(entries: &[ModelEntry]) -> String {
    let mut table = table(["", "MODEL", "LABEL", "PROVIDER", "THINKING", "TIERS"]);
    for entry in entries {
        let model = entry.model();
        let tiers = tiers(&model);
        let default = if model.default { "*" } else { "" };
        let thinking = model.thinking.as_ref().map(thinking).unwrap_or_default();
        let provider = model.provider.clone().unwrap_or_default();
        table.add_row([default, &model.id, &model.label, &provider, &thinking, &tiers]);
    }
    table.trim_fmt()
}

fn tiers(model: &Model) -> String {
    model.service_tiers.iter().map(|tier| tier.id.as_str()).collect::<Vec<_>>().join(" ")
}

/// The levels; the one that applies when none is chosen is starred.
fn thinking(thinking: &Thinking) -> String {
    let level = |value: &str| match thinking.default_level.as_deref() {
        Some(default) if default == value => format!("{value}*"),
        _ => value.to_owned(),
    };
    thinking.supported_levels.iter().map(|supported| level(&supported.value)).collect::<Vec<_>>().join(" ")
}

/// A step a line, with how long it took.
pub fn steps(steps: &[(&str, Duration)]) -> String {
    let mut table = table(["STEP", "TOOK"]);
    for (step, took) in steps {
        table.add_row([(*step).to_owned(), format!("{} ms", took.as_millis())]);
    }
    table.trim_fmt()
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    // Piped tables keep their lines whole; on a terminal they are fitted to its width.
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    table
}

/// Shows that a request is under way, where somebody can see it.
#[derive(Debug)]
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Starts to spin.
    pub fn start() -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self(spinner)
    }

    /// Says how far the request has come.
    pub fn show(&self, status: Status) {
        self.0.set_message(match status {
            Status::Pending => "pending: waits for the runtime's next heartbeat",
            Status::Running => "running: the runtime works it out",
            _ => "answered",
        });
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
