//! Where the binaries and the emulator are: what was built for another processor is not there.

use std::env::{self, consts};
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The functions, by name.
pub(crate) const FUNCTIONS: [&str; 8] =
    ["authorizer", "heartbeat", "initiate", "poll", "report", "register", "deregister", "runtimes"];

/// The one that does nothing.
pub(crate) const EMPTY: &str = "empty";

/// Names a folder with other binaries.
const FOLDER_VARIABLE: &str = "DOORBELL_BENCH_BINARIES";

/// All that it takes to start the functions.
pub(crate) struct Binaries {
    /// Lambda's runtime interface emulator.
    pub(crate) emulator: PathBuf,
    /// Each function's name and binary, the empty one first.
    pub(crate) functions: Vec<(&'static str, PathBuf)>,
}

impl Binaries {
    /// Everything, or what is missing and how to get it.
    pub(crate) fn find() -> Result<Self> {
        let folder = env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
        let functions = [EMPTY].into_iter().chain(FUNCTIONS);
        let functions: Vec<_> = functions.map(|name| (name, binary(folder.as_deref(), name))).collect();
        for (_, binary) in &functions {
            if !is_of_this_processor(binary) {
                return Err(missing(&format!("{} for this processor", binary.display())));
            }
        }
        Ok(Self { emulator: emulator()?, functions })
    }
}

fn binary(folder: Option<&Path>, name: &str) -> PathBuf {
    let folder = match folder {
        Some(folder) => folder.join(name),
        None if name == EMPTY => root().join("target/lambda").join(name),
        None => root().join(".aws-sam/build").join(logical_id(name)),
    };
    folder.join("bootstrap")
}

/// The workspace's folder.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// What the template calls a function: `HeartbeatFunction`.
fn logical_id(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}Function", first.to_uppercase())
}

/// Reads the machine of an ELF header: `sam build` builds for arm64 wherever it runs, unless it is told otherwise.
fn is_of_this_processor(binary: &Path) -> bool {
    let machine: u8 = if consts::ARCH == "aarch64" { 0xb7 } else { 0x3e };
    fs::read(binary).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF") && bytes.get(18) == Some(&machine))
}

/// The emulator, as the SAM CLI brings it.
fn emulator() -> Result<PathBuf> {
    let architecture = if consts::ARCH == "aarch64" { "arm64" } else { consts::ARCH };
    let inside = format!("site-packages/samcli/local/rapid/aws-lambda-rie-{architecture}");
    let library = root().join(".tools/sam/lib");
    let versions = fs::read_dir(&library).into_iter().flatten().flatten();
    let found = versions.map(|python| python.path().join(&inside)).find(|emulator| emulator.exists());
    found.ok_or_else(|| missing(&format!("SAM CLI with the emulator in {}", library.display())))
}

fn missing(what: &str) -> Error {
    format!("there is no {what}; run tests/benches/run.sh, or localstack/build.sh for the functions alone")
        .into()
}
