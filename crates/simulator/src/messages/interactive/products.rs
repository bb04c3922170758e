//! Products and catalogs. The simulator has no catalog: any catalog and product id is taken as existing.

use serde_json::Value;

use super::frame::{Frame, action_name};
use super::sized;
use crate::messages::fields::{Checked, invalid, missing};

const BODY_MAX: usize = 1_024;
const ID_MAX: usize = 256;
const SECTIONS_MAX: usize = 10;
const PRODUCTS_MAX: usize = 30;

pub(crate) fn single(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, true, false)?;
    if frame.interactive.get("header").is_some() {
        return Err(invalid("A product message has no header."));
    }
    let action = frame.action()?;
    sized(action.get("catalog_id"), "catalog_id", ID_MAX)?;
    sized(action.get("product_retailer_id"), "product_retailer_id", ID_MAX)?;
    Ok(())
}

pub(crate) fn list(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, true, true)?;
    let action = frame.action()?;
    sized(action.get("catalog_id"), "catalog_id", ID_MAX)?;
    let sections = action.get("sections").and_then(Value::as_array).filter(|sections| !sections.is_empty());
    let sections = sections.ok_or_else(|| missing("Interactive action sections are required."))?;
    let mut products = 0;
    for section in sections {
        if sections.len() > 1 {
            sized(section.get("title"), "Section title", 24)?;
        }
        let items = section.get("product_items").and_then(Value::as_array).filter(|items| !items.is_empty());
        for item in items.ok_or_else(|| missing("Section product_items are required."))? {
            sized(item.get("product_retailer_id"), "product_retailer_id", ID_MAX)?;
            products += 1;
        }
    }
    if sections.len() > SECTIONS_MAX || products > PRODUCTS_MAX {
        return Err(invalid(format!(
            "At most {SECTIONS_MAX} sections and {PRODUCTS_MAX} products are allowed."
        )));
    }
    Ok(())
}

pub(crate) fn catalog(frame: &Frame<'_>) -> Checked {
    frame.parts(BODY_MAX, true, true)?;
    action_name(frame.action()?, "catalog_message")
}
