//! Variables in a text.

use super::Findings;
use crate::templates::ParameterFormat;
use crate::templates::placeholders::{Placeholder, distinct, fill, scan};

/// What is allowed beyond the rule.
#[derive(Clone, Copy)]
pub(super) struct Variables {
    /// A variable may stand at the start or the end.
    pub(super) at_edges: bool,
    /// There may be few words between the variables.
    pub(super) dense: bool,
}

pub(super) fn check(
    findings: &mut Findings,
    pointer: &str,
    text: &str,
    format: ParameterFormat,
    allowed: Variables,
) {
    let found = scan(text);
    let rest = fill(text, |_| Some(""));
    if rest.contains("{{") || rest.contains("}}") {
        let problem = "Curly braces are opened and not closed, or closed and not opened";
        findings.error(pointer, "variable_braces", problem, "Write variables as {{1}} or {{first_name}}");
    }
    match format {
        ParameterFormat::Positional => numbers(findings, pointer, text),
        ParameterFormat::Named => names(findings, pointer, text),
    }
    if !allowed.at_edges {
        edges(findings, pointer, text, &found);
    }
    adjacent(findings, pointer, text, &found);
    if !allowed.dense {
        density(findings, pointer, text);
    }
}

fn numbers(findings: &mut Findings, pointer: &str, text: &str) {
    let variables = distinct(text);
    if let Some(word) = variables.iter().find(|name| name.parse::<usize>().is_err()) {
        let problem = format!("{{{{{word}}}}} is no number, but the parameters are positional");
        let fix = "Number the variables from {{1}}, or choose named parameters";
        return findings.error(pointer, "variable_format", problem, fix);
    }
    let expected = (1..=variables.len()).map(|number| number.to_string());
    if !variables.iter().copied().eq(expected) {
        let problem = format!("The variables are numbered {}", variables.join(", "));
        findings.error(pointer, "variable_sequence", problem, "Number them 1, 2, 3 … without a gap");
    }
}

fn names(findings: &mut Findings, pointer: &str, text: &str) {
    let plain = |name: &str| {
        name.starts_with(|character: char| character.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    for name in distinct(text).into_iter().filter(|name| !plain(name)) {
        let problem = format!("{{{{{name}}}}} is no name of a parameter");
        let fix = "Use lower-case letters, digits and underscores, beginning with a letter";
        findings.error(pointer, "variable_format", problem, fix);
    }
}

fn edges(findings: &mut Findings, pointer: &str, text: &str, found: &[Placeholder<'_>]) {
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return };
    let (before, after) = (text[..first.start].trim(), text[last.end..].trim());
    for (edge, between) in [("start", before), ("end", after)] {
        if between.is_empty() {
            let problem = format!("A variable stands at the {edge} of the text");
            findings.error(pointer, "variable_at_edge", problem, format!("Write a word at the {edge}"));
        } else if !between.chars().any(char::is_alphanumeric) {
            let problem = format!("Only punctuation stands between a variable and the {edge} of the text");
            findings.warn(pointer, "variable_at_edge", problem, format!("Write a word at the {edge}"));
        }
    }
}

fn adjacent(findings: &mut Findings, pointer: &str, text: &str, found: &[Placeholder<'_>]) {
    for pair in found.windows(2) {
        if text[pair[0].end..pair[1].start].trim().is_empty() {
            let problem = format!("{{{{{}}}}} and {{{{{}}}}} stand side by side", pair[0].name, pair[1].name);
            findings.error(
                pointer,
                "variables_adjacent",
                problem,
                "Write a word between them, or make them one",
            );
        }
    }
}

/// Meta does not publish its measure; twice as many words as variables, and one, is what passes.
fn density(findings: &mut Findings, pointer: &str, text: &str) {
    let variables = distinct(text).len();
    let words = words(&fill(text, |_| Some(" ")));
    let needed = 2 * variables + 1;
    if variables > 0 && words < needed {
        let problem = format!("{variables} variables are too many for {words} words");
        let fix = format!("Write at least {needed} words, or use fewer variables");
        findings.error(pointer, "variable_density", problem, fix);
    }
}

/// Words by spaces; in scripts written without them, two characters are taken for a word.
fn words(text: &str) -> usize {
    text.split_whitespace()
        .map(|word| {
            let unspaced = word.chars().filter(|character| is_unspaced(*character)).count();
            let spaced = word.chars().any(|character| character.is_alphanumeric() && !is_unspaced(character));
            unspaced.div_ceil(2) + usize::from(spaced)
        })
        .sum()
}

fn is_unspaced(character: char) -> bool {
    matches!(character, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

/// Whether a text holds an emoji.
pub(super) fn has_emoji(text: &str) -> bool {
    text.chars().any(
        |character| matches!(character, '\u{1F000}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{FE0F}'),
    )
}
