//! Variables in template text: `{{1}}` or `{{first_name}}`.

/// The names between double braces, in order of appearance.
pub(crate) fn variables(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else { break };
        found.push(name.trim());
        rest = tail;
    }
    found
}

/// The text with each variable replaced.
pub(crate) fn fill<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, tail)) = after.split_once("}}") else { break };
        out.push_str(before);
        out.push_str(value(name.trim()).unwrap_or_default());
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// Distinct names, in order of first appearance.
pub(crate) fn distinct(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in variables(text) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_and_filled() {
        let text = "Hi {{1}}, order {{ order }} of {{1}}.";
        assert_eq!(variables(text), ["1", "order", "1"]);
        assert_eq!(distinct(text), ["1", "order"]);
        assert_eq!(fill(text, |name| (name == "1").then_some("Ann")), "Hi Ann, order  of Ann.");
        assert_eq!(variables("{{open"), Vec::<&str>::new());
    }
}
