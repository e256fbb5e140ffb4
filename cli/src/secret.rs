//! Tokens and enrolment codes on their way through a command.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token or an enrolment code. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Trimmed, because a token from a file ends with a newline. `None` if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts_the_text() {
        let secret = Secret::new("dbd_example").unwrap();
        assert_eq!((secret.reveal(), format!("{secret:?}").as_str()), ("dbd_example", "Secret(..)"));
    }

    #[test]
    fn blank_text_is_none() {
        assert_eq!(Secret::new(" \n"), None);
        assert_eq!(Secret::new(" a\n").unwrap().reveal(), "a");
    }
}
