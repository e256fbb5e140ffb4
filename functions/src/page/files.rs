//! The files of the page, as `page/dist/` has them. They are built there, and checked in so that a build of the functions needs no Node.js.

/// A file that is the same for every deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Document,
    Script,
    Style,
}

impl File {
    /// By the last segment of the path, which is empty for the document.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "" => Some(Self::Document),
            "page.js" => Some(Self::Script),
            "page.css" => Some(Self::Style),
            _ => None,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Document => include_str!("../../../page/dist/index.html"),
            Self::Script => include_str!("../../../page/dist/page.js"),
            Self::Style => include_str!("../../../page/dist/page.css"),
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Document => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
        }
    }
}
