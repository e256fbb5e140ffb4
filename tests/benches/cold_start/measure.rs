//! The rounds.

use std::fs;
use std::path::Path;

use doorbell_bench::{Effort, Spread};
use miniz_oxide::deflate::compress_to_vec;
use tempfile::TempDir;

use crate::binaries::Binaries;
use crate::dynamodb::DynamoDb;
use crate::emulator::Emulator;
use crate::record::{Measured, Record};
use crate::trust::Trust;
use crate::{Error, Result, environment, events, say};

/// What a zip archive of one file named `bootstrap` holds beside the deflated file: its local header, its entry in the
/// directory, both with the name, and the end of the directory.
const ZIP_HEADERS: usize = 30 + 46 + 2 * "bootstrap".len() + 22;

/// Where functions are started.
struct Stage<'b> {
    binaries: &'b Binaries,
    folder: TempDir,
    trust: Trust,
    dynamodb: DynamoDb,
    calls: u32,
}

/// Measures every binary.
pub(crate) async fn all(effort: Effort, binaries: &Binaries) -> Result<Record> {
    let folder = tempfile::tempdir()?;
    let trust = Trust::new(folder.path())?;
    let dynamodb = DynamoDb::start(&trust).await?;
    // A ring's burst is 60.
    let stage = Stage { binaries, folder, trust, dynamodb, calls: 1 + effort.pick(20, 2) };
    let sized = binaries.functions.iter().map(|(name, binary)| sized(effort, name, binary));
    let mut functions = sized.collect::<Result<Vec<_>>>()?;
    let rounds = effort.pick(30, 1);
    for round in 1..=rounds {
        stage.round(&mut functions).await?;
        if round % 10 == 0 {
            say(&format!("{round} of {rounds} rounds"));
        }
    }
    Ok(Record::of_this_machine(functions))
}

/// What takes no start to measure. A brief run stores instead of deflating, which takes its time without optimisation.
fn sized(effort: Effort, name: &str, binary: &Path) -> Result<Measured> {
    let bytes = fs::read(binary)?;
    let deflated = compress_to_vec(&bytes, effort.pick(6, 0));
    Ok(Measured::new(name, bytes.len(), deflated.len() + ZIP_HEADERS))
}

impl Stage<'_> {
    /// Starts every binary once.
    async fn round(&self, functions: &mut [Measured]) -> Result<()> {
        for ((name, binary), measured) in self.binaries.functions.iter().zip(functions) {
            let start = self.start(name, binary, measured).await;
            start.map_err(|error| Error::from(format!("{name}: {error}")))?;
        }
        Ok(())
    }

    /// Starts one binary, calls it, and notes what that took.
    async fn start(&self, name: &str, binary: &Path, measured: &mut Measured) -> Result<()> {
        self.dynamodb.hold(events::table(name, self.calls).await?);
        let binary = binary.canonicalize()?;
        let emulator = Emulator::start(&self.binaries.emulator, &binary, self.folder.path(), |command| {
            environment::set(command, name, &self.dynamodb, &self.trust);
        });
        let emulator = emulator.await?;
        for event in events::events(name, self.calls)? {
            let answer = emulator.call(event).await?;
            if !events::is_success(name, &answer) {
                return Err(emulator.failed(&format!("does not succeed ({answer})")));
            }
        }
        let times = emulator.times()?;
        match &times.calls[..] {
            [first, warm @ ..] if times.calls.len() == self.calls as usize => {
                let warm = Spread::of(warm.to_vec()).median;
                measured.note(times.init, *first, warm, emulator.peak_bytes()?);
                Ok(())
            }
            _ => Err(emulator.failed("has other calls in its log")),
        }
    }
}
