//! The `{{…}}` in a template's text.

/// One occurrence of a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder<'a> {
    /// What stands between the braces, trimmed: `1`, `first_name`.
    pub name: &'a str,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends, in bytes.
    pub end: usize,
}

impl Placeholder<'_> {
    /// Its number, for positional ones.
    pub fn number(&self) -> Option<usize> {
        self.name.parse().ok()
    }
}

/// Every occurrence, in order. Braces that are never closed are text.
pub fn scan(text: &str) -> Vec<Placeholder<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("{{").map(|at| at + from) {
        let Some(close) = text[open + 2..].find("}}").map(|at| at + open + 2) else { break };
        let inner = &text[open + 2..close];
        if inner.contains('{') {
            from = open + 1;
            continue;
        }
        found.push(Placeholder { name: inner.trim(), start: open, end: close + 2 });
        from = close + 2;
    }
    found
}

/// The names, each once: positional ones by their number, others in order of appearance.
pub fn distinct(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for placeholder in scan(text) {
        if !names.contains(&placeholder.name) {
            names.push(placeholder.name);
        }
    }
    names.sort_by_key(|name| name.parse::<usize>().unwrap_or(usize::MAX));
    names
}

/// The text with each placeholder replaced by what `value` gives for its name; unknown ones stay as they are.
pub fn fill<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for placeholder in scan(text) {
        if let Some(value) = value(placeholder.name) {
            filled.push_str(&text[from..placeholder.start]);
            filled.push_str(value);
            from = placeholder.end;
        }
    }
    filled.push_str(&text[from..]);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_once_each_and_in_order() {
        assert_eq!(distinct("{{2}} and {{1}} and {{ 2 }}"), ["1", "2"]);
        assert_eq!(distinct("Hi {{name}}, {{order_id}}, {{name}}"), ["name", "order_id"]);
        assert_eq!(distinct("10 {{ a } b }}, {1}, {{{1}}}"), ["1", "a } b"]);
        assert!(scan("{{1").is_empty() && scan("").is_empty() && scan("{{").is_empty());
    }

    #[test]
    fn filling_leaves_unknown_ones() {
        let value = |name: &str| (name == "1").then_some("Ana {{2}}");
        assert_eq!(fill("Hi {{1}}, é {{2}}!", value), "Hi Ana {{2}}, é {{2}}!");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[{}a1é ]{0,30}") {
            let empty = fill(&text, |_| Some(""));
            proptest::prop_assert!(empty.len() <= text.len());
        }
    }
}
