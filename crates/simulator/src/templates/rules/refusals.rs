//! The refusals of template management: code 100, a subcode, a title and a text (reference: "Template
//! management subcodes").

use crate::errors::GraphError;

pub(crate) fn missing_field(component: &str, field: &str) -> GraphError {
    GraphError::management(
        2388043,
        "Message template \"components\" param is missing expected field(s)",
        format!("component of type {component} is missing expected field(s) ({field})"),
    )
}

pub(crate) fn within(what: &str, text: &str, max: usize) -> Result<(), GraphError> {
    let length = text.chars().count();
    if length <= max {
        return Ok(());
    }
    Err(GraphError::management(
        2388040,
        "Character Limit Exceeded",
        format!("The {what} has {length} characters. The limit is {max} characters."),
    ))
}

pub(crate) fn header_format(text: &str) -> GraphError {
    GraphError::management(2388047, "Message Header Format Is Incorrect", text)
}

pub(crate) fn body_format(text: &str) -> GraphError {
    GraphError::management(2388072, "Message Body Format Is Incorrect", text)
}

pub(crate) fn footer_format(text: &str) -> GraphError {
    GraphError::management(2388073, "Message Footer Format Is Incorrect", text)
}

pub(crate) fn sample_missing(format: &str) -> GraphError {
    GraphError::management(
        2388273,
        "Missing sample parameter for title type",
        format!(
            "Templates with header type {format} need an example/sample, but it was not given. Change the title type \
             or give a valid sample parameter."
        ),
    )
}

pub(crate) fn too_many_variables() -> GraphError {
    GraphError::management(
        2388293,
        "This template has too many variables for its length",
        "This template contains too many variable parameters relative to the message length. You need to decrease \
         the number of variable parameters or increase the message length.",
    )
}

pub(crate) fn dangling_variable() -> GraphError {
    GraphError::management(
        2388299,
        "Leading or trailing params are not allowed",
        "Variables can't be at the start or end of the template.",
    )
}

pub(crate) fn name_held(language: &str) -> GraphError {
    GraphError::management(
        2388023,
        "Message Template Language Is Being Deleted",
        format!(
            "New {language} content can't be added while the existing {language} content is being deleted. Try again \
             in 4 weeks or create a new message template."
        ),
    )
}

pub(crate) fn exists(language: &str) -> GraphError {
    GraphError::management(
        2388024,
        "Content in This Language Already Exists",
        format!(
            "There is already {language} content for this template. You can create a new template and try again."
        ),
    )
}

pub(crate) fn limit_reached(limit: usize) -> GraphError {
    GraphError::management(
        2388019,
        "Message Template Limit Exceeded",
        format!("You have reached the limit of {limit} message templates of this WhatsApp Business Account."),
    )
}

pub(crate) fn status_forbids(text: &str) -> GraphError {
    GraphError::management(2388039, "Template Can't Be Edited", text)
}

/// A rule about buttons or cards that Meta gives no subcode of its own.
pub(crate) fn component(text: &str) -> GraphError {
    GraphError::param(format!("Invalid parameter: {text}"))
}
