//! A template against Meta's rules, before Meta sees it.

use domain::templates::placeholders::{distinct, scan};
use domain::templates::{Category, Definition, Draft, Finding, ParameterFormat, Severity, lint};
use ports::templates::Template;
use serde_json::Value;

use super::samples::as_if_uploaded;
use super::{NewDraft, Templates};
use crate::faults::Faults;

/// Characters of a parameter's name.
const PARAM_NAME: usize = 64;

/// What was found.
pub(super) struct Checked(Vec<Finding>);

impl Checked {
    /// The warnings.
    ///
    /// # Errors
    /// All errors at once, when there are any.
    pub(super) fn passed(self) -> Result<Vec<Finding>, Faults> {
        let mut faults = Faults::default();
        let mut warnings = Vec::new();
        for finding in self.0 {
            match finding.severity {
                Severity::Error => {
                    faults.add(finding.pointer, format!("{}. {}.", finding.problem, finding.fix))
                }
                Severity::Warning => warnings.push(finding),
            }
        }
        faults.check().map(|()| warnings)
    }
}

impl Templates {
    /// Everything that Meta refuses or may refuse in a template; asks nobody.
    pub fn lint(&self, draft: &NewDraft) -> Vec<Finding> {
        self::draft(draft).0
    }
}

/// A template that is to be made.
pub(super) fn draft(draft: &NewDraft) -> Checked {
    run(&draft.name, &draft.language, &draft.category, format(draft), &draft.components, &draft.param_names)
}

/// A template that is kept here.
pub(super) fn kept(template: &Template) -> Checked {
    run(
        &template.name,
        &template.language,
        &template.category,
        template.parameter_format,
        &template.components,
        &template.param_names,
    )
}

/// The format that was given, or else told by the placeholders of header and body; buttons are always numbered.
pub(super) fn format(draft: &NewDraft) -> ParameterFormat {
    let texts =
        draft.components.as_array().into_iter().flatten().filter_map(|component| component["text"].as_str());
    let named =
        texts.into_iter().any(|text| scan(text).iter().any(|placeholder| placeholder.number().is_none()));
    draft.parameter_format.unwrap_or(match named {
        true => ParameterFormat::Named,
        false => ParameterFormat::Positional,
    })
}

fn run(
    name: &str,
    language: &str,
    category: &Category,
    parameter_format: ParameterFormat,
    components: &Value,
    param_names: &[String],
) -> Checked {
    let components = as_if_uploaded(components);
    let draft =
        Draft { name, language, category, parameter_format, components: &components, ttl_seconds: None };
    let mut findings = lint(&draft);
    findings.extend(param_name_findings(param_names, parameter_format, &components));
    Checked(findings)
}

fn param_name_findings(names: &[String], format: ParameterFormat, components: &Value) -> Vec<Finding> {
    let fault = |pointer: String, problem: String, fix: &str| Finding {
        severity: Severity::Error,
        pointer,
        rule: "param_names".to_owned(),
        problem,
        fix: fix.to_owned(),
    };
    if names.is_empty() {
        return Vec::new();
    }
    if format == ParameterFormat::Named {
        let problem = "The parameters of this template have names of their own".to_owned();
        return vec![fault("/param_names".to_owned(), problem, "Leave them out")];
    }
    let definition = Definition::parse(components.clone(), format);
    let places = distinct(definition.body_text().unwrap_or_default()).len();
    let mut findings = Vec::new();
    if names.len() != places {
        let problem = format!("There are {} names for {places} parameters of the body", names.len());
        findings.push(fault("/param_names".to_owned(), problem, "Give one for each, in order"));
    }
    for (index, name) in names.iter().enumerate() {
        let pointer = format!("/param_names/{index}");
        let plain = |character: char| character.is_alphanumeric() || character == '_';
        if name.is_empty() || name.chars().count() > PARAM_NAME || !name.chars().all(plain) {
            let problem = format!("\"{name}\" cannot be a parameter's name");
            findings.push(fault(pointer, problem, "Use up to 64 letters, digits and underscores"));
        } else if names[..index].contains(name) {
            findings.push(fault(pointer, format!("\"{name}\" stands twice"), "Give each its own"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(param_names: &[&str]) -> NewDraft {
        NewDraft {
            connection_id: None,
            name: "order_shipped".into(),
            language: "en_US".into(),
            category: Category::Utility,
            parameter_format: None,
            components: json!([{
                "type": "BODY",
                "text": "Hello {{1}}, your order {{2}} is on its way to you and will arrive soon.",
                "example": {"body_text": [["Pablo", "860"]]}
            }]),
            param_names: param_names.iter().map(|name| (*name).to_owned()).collect(),
            submit: true,
        }
    }

    fn pointers(draft: &NewDraft) -> Vec<String> {
        match self::draft(draft).passed() {
            Ok(_) => Vec::new(),
            Err(faults) => faults.0.into_iter().map(|fault| fault.pointer).collect(),
        }
    }

    #[test]
    fn names_of_parameters_fit_the_body() {
        assert_eq!(pointers(&order(&[])), [""; 0]);
        assert_eq!(pointers(&order(&["customer_name", "order_id"])), [""; 0]);
        assert_eq!(pointers(&order(&["customer_name"])), ["/param_names"]);
        assert_eq!(pointers(&order(&["order id", "order_id"])), ["/param_names/0"]);
        assert_eq!(pointers(&order(&["order_id", "order_id"])), ["/param_names/1"]);
    }

    #[test]
    fn the_placeholders_tell_the_format() {
        let mut draft = order(&[]);
        assert_eq!(format(&draft), ParameterFormat::Positional);
        draft.components[0]["text"] = json!("Hello {{first_name}}, welcome to our little shop.");
        assert_eq!(format(&draft), ParameterFormat::Named);
        draft.parameter_format = Some(ParameterFormat::Positional);
        assert_eq!(format(&draft), ParameterFormat::Positional);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut draft = order(&["one"]);
        draft.name = "Order Shipped".into();
        draft.language = "english".into();
        let found = pointers(&draft);
        for pointer in ["/name", "/language", "/param_names"] {
            assert!(found.iter().any(|found| found == pointer), "{pointer} in {found:?}");
        }
    }
}
