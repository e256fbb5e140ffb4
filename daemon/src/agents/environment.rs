//! The process's environment, handed in: a test has one of its own and leaves the real one alone.

use std::ffi::OsString;
use std::fmt;

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// Environment variables by name.
pub struct Environment(Box<Lookup>);

/// Without any variable: some are keys.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

impl Environment {
    /// The variables that `lookup` knows.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Box::new(lookup))
    }

    /// The real ones.
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }

    /// The folders in which programs are looked for.
    pub(super) fn path(&self) -> OsString {
        self.0("PATH").unwrap_or_default()
    }

    /// A variable that is set to some text, without the blanks around it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.0(name)?;
        value.to_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_blanks_is_not_set() {
        let environment = Environment::new(|name| match name {
            "KEY" => Some(" sk-1\n".into()),
            "BLANK" => Some(" ".into()),
            _ => None,
        });
        assert_eq!(environment.text("KEY").as_deref(), Some("sk-1"));
        assert_eq!((environment.text("BLANK"), environment.text("OTHER")), (None, None));
    }

    #[test]
    fn the_processes_own_has_its_path() {
        assert_eq!(Some(Environment::of_process().path()), std::env::var_os("PATH"));
    }
}
