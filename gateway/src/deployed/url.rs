//! Where deployed functions are invoked.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// Stands for the name of a function.
const NAME: &str = "{}";

/// The URL of Lambda's `Invoke` with `{}` in place of a function's lower-case name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionsUrl {
    template: String,
    /// Of the authorizer, which every deployment has.
    example: Url,
}

/// The text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an http:// or https:// URL with {{}} in place of a function's name, such as \
     http://127.0.0.1:4566/2015-03-31/functions/doorbell-{{}}/invocations"
)]
pub struct InvalidFunctionsUrl;

impl FunctionsUrl {
    /// The URL of the function `name`.
    pub(super) fn of(&self, name: &str) -> String {
        self.template.replace(NAME, name)
    }

    /// The URL of one function, for its scheme and host.
    pub fn example(&self) -> &Url {
        &self.example
    }
}

impl FromStr for FunctionsUrl {
    type Err = InvalidFunctionsUrl;

    fn from_str(text: &str) -> Result<Self, InvalidFunctionsUrl> {
        let example: Url = text.replace(NAME, super::AUTHORIZER).parse().map_err(|_| InvalidFunctionsUrl)?;
        // One in the host would name another server for each function.
        let is_named = text.contains(NAME) && example.path().contains(super::AUTHORIZER);
        if is_named && matches!(example.scheme(), "http" | "https") {
            Ok(Self { template: text.to_owned(), example })
        } else {
            Err(InvalidFunctionsUrl)
        }
    }
}

impl fmt::Display for FunctionsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_each_function() {
        let url: FunctionsUrl = "http://127.0.0.1:9000/functions/a-{}/invocations".parse().unwrap();
        assert_eq!(url.of("poll"), "http://127.0.0.1:9000/functions/a-poll/invocations");
        assert_eq!(url.example().port(), Some(9000));
    }

    #[test]
    fn rejects_url_without_name_in_its_path() {
        for text in
            ["http://127.0.0.1/functions", "http://{}.example/", "ftp://a/{}", "{}", "", "http://a/?f={}"]
        {
            assert_eq!(text.parse::<FunctionsUrl>(), Err(InvalidFunctionsUrl), "{text}");
        }
    }
}
