//! The README's table: what is between two comments is the report's, everything else is not.

use super::ReportError;

const BEGIN: &str = "<!-- numbers -->";
const END: &str = "<!-- /numbers -->";

/// `readme` with `table` between its markers.
pub(super) fn rewrite(readme: &str, table: &str) -> Result<String, ReportError> {
    let (before, rest) = readme.split_once(BEGIN).ok_or(ReportError::NoMarker(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or(ReportError::NoMarker(END))?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let readme = "# A\n<!-- numbers -->\nold\n<!-- /numbers -->\nB\n";
        let rewritten = rewrite(readme, "new").unwrap();
        assert_eq!(rewritten, "# A\n<!-- numbers -->\nnew\n<!-- /numbers -->\nB\n");
        assert_eq!(rewrite(&rewritten, "new").unwrap(), rewritten);
    }

    #[test]
    fn a_readme_without_its_markers_is_left_alone() {
        assert!(matches!(rewrite("# A", "new"), Err(ReportError::NoMarker(BEGIN))));
        assert!(matches!(rewrite(BEGIN, "new"), Err(ReportError::NoMarker(END))));
    }

    #[test]
    fn the_readme_has_the_markers() {
        rewrite(include_str!("../../../../README.md"), "table").unwrap();
    }
}
