//! What Meta would refuse in a template, told before it is submitted: every fault at once, each with what to do.
//!
//! A review takes up to a day and a refused name may be blocked for weeks, so a fault found here is worth much. An
//! error is refused for certain; a warning is refused by some reviewers, or is not documented well enough to
//! forbid. Source: Meta, "Template components", "Template guidelines", "Authentication templates", "Carousel",
//! "Limited-time offers".

mod buttons;
mod components;
mod kinds;
mod text;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Category, ParameterFormat};

/// A template that is to be submitted.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Its name.
    pub name: &'a str,
    /// Meta's language code.
    pub language: &'a str,
    /// What it is for.
    pub category: &'a Category,
    /// How parameters are told apart.
    pub parameter_format: ParameterFormat,
    /// Meta's `components`.
    pub components: &'a Value,
    /// `message_send_ttl_seconds`, when set.
    pub ttl_seconds: Option<i64>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Meta refuses it.
    Error,
    /// Meta may refuse it, or it does not do what it seems to.
    Warning,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// JSON pointer inside the template: `/components/1/text`.
    pub pointer: String,
    /// A stable word for the rule: `variable_at_edge`.
    pub rule: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// Finds every fault, in the order of the template.
pub fn lint(draft: &Draft<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    name(&mut findings, draft.name);
    language(&mut findings, draft.language);
    if let Category::Other(word) = draft.category {
        let problem = format!("\"{word}\" is not a category");
        findings.error("/category", "category", problem, "Use marketing, utility or authentication");
    }
    ttl(&mut findings, draft);
    components::check(&mut findings, draft);
    findings.0
}

/// Whether Meta would refuse it for certain.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// Collects faults.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn error(
        &mut self,
        pointer: impl Into<String>,
        rule: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(Severity::Error, pointer.into(), rule, problem.into(), fix.into());
    }

    fn warn(
        &mut self,
        pointer: impl Into<String>,
        rule: &str,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(Severity::Warning, pointer.into(), rule, problem.into(), fix.into());
    }

    fn push(&mut self, severity: Severity, pointer: String, rule: &str, problem: String, fix: String) {
        self.0.push(Finding { severity, pointer, rule: rule.to_owned(), problem, fix });
    }

    /// A text that must not be longer, in characters.
    fn length(&mut self, pointer: &str, rule: &str, what: &str, text: &str, longest: usize) {
        let length = text.chars().count();
        if length > longest {
            let problem = format!("The {what} has {length} characters, at most {longest} are allowed");
            self.error(pointer, rule, problem, format!("Shorten it by {} characters", length - longest));
        }
    }
}

fn name(findings: &mut Findings, name: &str) {
    if name.is_empty() {
        findings.error(
            "/name",
            "name_missing",
            "The template has no name",
            "Give it one, such as order_update",
        );
    }
    findings.length("/name", "name_length", "name", name, 512);
    let plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
    if !name.chars().all(plain) {
        let better: String = name
            .to_lowercase()
            .chars()
            .map(|character| if plain(character) { character } else { '_' })
            .collect();
        let problem = "A name holds only lower-case letters a to z, digits and underscores";
        findings.error("/name", "name_characters", problem, format!("Use {better}"));
    }
}

/// `en`, `fil`, `en_US`, `zh_Hant`-like codes are not Meta's; it knows two or three letters and a region.
fn language(findings: &mut Findings, language: &str) {
    let (tongue, region) = language.split_once('_').map_or((language, None), |(a, b)| (a, Some(b)));
    let tongue_fits = matches!(tongue.len(), 2 | 3) && tongue.bytes().all(|byte| byte.is_ascii_lowercase());
    let region_fits =
        region.is_none_or(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()));
    if !tongue_fits || !region_fits {
        let fix = match language.split_once(['-', '_']) {
            Some((tongue, region)) => format!("Use {}_{}", tongue.to_lowercase(), region.to_uppercase()),
            None => "Use a code such as en, en_US or pt_BR".to_owned(),
        };
        let problem = format!("\"{language}\" is not a language code of Meta's");
        findings.error("/language", "language", problem, fix);
    }
}

fn ttl(findings: &mut Findings, draft: &Draft<'_>) {
    let Some(seconds) = draft.ttl_seconds else { return };
    let (range, forever) = match draft.category {
        Category::Authentication => (30..=900, true),
        Category::Utility => (30..=43_200, true),
        Category::Marketing => (43_200..=2_592_000, false),
        Category::Other(_) => return,
    };
    if range.contains(&seconds) || (forever && seconds == -1) {
        return;
    }
    let problem = format!("A {} template cannot live for {seconds} seconds", draft.category);
    let fix = format!("Use {} to {} seconds", range.start(), range.end());
    findings.error("/message_send_ttl_seconds", "ttl", problem, fix);
}

#[cfg(test)]
mod tests;
