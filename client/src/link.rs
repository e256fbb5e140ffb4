//! The `Link` header of a list (RFC 8288): where the next page is.

use reqwest::Url;

/// The target of the link with `rel="next"` in a header value such as `<?cursor=a>; rel="next"`.
pub(crate) fn next(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some((_, link)) = rest.split_once('<') {
        let (target, after) = link.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if parameters.split([';', ',']).any(is_next) {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn is_next(parameter: &str) -> bool {
    let Some((name, relations)) = parameter.split_once('=') else { return false };
    let mut relations = relations.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

/// The query of `target`, a link in the response of `url`. Only the query is used, so every page has the path of the first one,
/// the stage of an API Gateway URL included, and the token stays at `url`'s host.
///
/// # Errors
/// What is wrong with the link.
pub(crate) fn query(url: &Url, target: &str) -> Result<String, &'static str> {
    let target = url.join(target).map_err(|_| "the link to its next page is malformed")?;
    if target.origin() != url.origin() {
        return Err("its next page is on another host");
    }
    target.query().map(str::to_owned).ok_or("the link to its next page has no cursor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_link_to_next_page() {
        for value in [
            r#"<?cursor=a>; rel="next""#,
            r#"<?cursor=a>;rel=next"#,
            r#"<?cursor=a>; title="x"; REL="prefetch NEXT""#,
            r#"<?cursor=z>; rel="prev", <?cursor=a>; rel="next""#,
            r#"<?cursor=a>; rel="next", <?cursor=z>; rel="last""#,
        ] {
            assert_eq!(next(value), Some("?cursor=a"), "{value}");
        }
        for value in ["", "next", r#"<?cursor=a>; rel="prev""#, "<?cursor=a", r#"<?a>; title="next""#, "<?a>"]
        {
            assert_eq!(next(value), None, "{value}");
        }
    }

    #[test]
    fn target_is_a_query_of_the_same_origin() {
        let url = "https://doorbell.example.com/prod/api/runtimes?limit=2".parse().unwrap();
        for target in [
            "?cursor=a%2F",
            "/api/runtimes?cursor=a%2F",
            "https://doorbell.example.com/api/runtimes?cursor=a%2F",
            "https://doorbell.example.com:443?cursor=a%2F#b",
        ] {
            assert_eq!(query(&url, target).as_deref(), Ok("cursor=a%2F"), "{target}");
        }
        for target in [
            "http://doorbell.example.com/api/runtimes?cursor=a",
            "https://doorbell.example.com:8443/?cursor=a",
            "https://evil.example/?cursor=a",
            "//evil.example/?cursor=a",
            "data:text/plain,?cursor=a",
        ] {
            assert_eq!(query(&url, target), Err("its next page is on another host"), "{target}");
        }
        assert!(query(&url, "/api/runtimes").is_err() && query(&url, "https://[?cursor=a").is_err());
    }
}
