//! Lists: up to 10 rows in all sections together (WhatsApp, "Interactive lists").

use serde_json::Value;

use super::buttons::unique;
use super::frame::Frame;
use super::sized;
use crate::messages::fields::{Checked, invalid, missing};

const BODY_MAX: usize = 4_096;
const BUTTON_MAX: usize = 20;
const ROWS_MAX: usize = 10;
const SECTION_TITLE_MAX: usize = 24;
const ROW_ID_MAX: usize = 200;
const ROW_TITLE_MAX: usize = 24;
const ROW_DESCRIPTION_MAX: usize = 72;

pub(crate) fn check(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, true, true)?;
    let action = frame.action()?;
    sized(action.get("button"), "Button label", BUTTON_MAX)?;
    let sections = action.get("sections").and_then(Value::as_array);
    let sections = sections.ok_or_else(|| missing("Interactive action sections are required."))?;
    if sections.is_empty() || sections.len() > ROWS_MAX {
        return Err(invalid(format!("Invalid sections count. Min: 1, Max: {ROWS_MAX}")));
    }
    let mut ids = Vec::new();
    for section in sections {
        check_section(section, sections.len() > 1, &mut ids)?;
    }
    if ids.len() > ROWS_MAX {
        return Err(invalid(format!("Total row count exceed max allowed count: {ROWS_MAX}")));
    }
    Ok(())
}

fn check_section<'a>(section: &'a Value, title_required: bool, ids: &mut Vec<&'a str>) -> Checked {
    let title = section.get("title").filter(|title| !title.is_null() && title.as_str() != Some(""));
    if title_required || title.is_some() {
        sized(title, "Section title", SECTION_TITLE_MAX)?;
    }
    let rows = section.get("rows").and_then(Value::as_array).filter(|rows| !rows.is_empty());
    for row in rows.ok_or_else(|| missing("Section rows are required."))? {
        unique(ids, sized(row.get("id"), "Row id", ROW_ID_MAX)?, "Row id")?;
        sized(row.get("title"), "Row title", ROW_TITLE_MAX)?;
        if row.get("description").is_some_and(|text| !text.is_null() && text.as_str() != Some("")) {
            sized(row.get("description"), "Row description", ROW_DESCRIPTION_MAX)?;
        }
    }
    Ok(())
}
