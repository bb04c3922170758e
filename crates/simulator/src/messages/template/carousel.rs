//! Carousel templates: exactly the cards that the template was made with.

use serde_json::Value;

use super::{Component, fill};
use crate::errors::GraphError;
use crate::messages::fields::{Checked, missing};
use crate::references::References;
use crate::templates::Shape;

pub(crate) fn check(shapes: &[Shape], component: Option<&Component>, references: &References<'_>) -> Checked {
    let cards = component.and_then(|component| component.get("cards")).and_then(Value::as_array);
    let cards = cards.map(Vec::as_slice).unwrap_or_default();
    if cards.len() != shapes.len() {
        let text = format!(
            "carousel: number of cards ({}) does not match the expected number of cards ({})",
            cards.len(),
            shapes.len()
        );
        return Err(GraphError::message(132000, text));
    }
    let mut seen = vec![false; shapes.len()];
    for card in cards {
        let at = card.get("card_index").and_then(Value::as_u64).map(|at| at as usize);
        let at = at.ok_or_else(|| missing("carousel: card_index is required"))?;
        match (shapes.get(at), seen.get_mut(at)) {
            (Some(shape), Some(free)) if !*free => {
                *free = true;
                fill(shape, components(card), references)?;
            }
            _ => {
                return Err(GraphError::message(
                    132012,
                    format!("carousel: card_index {at} is wrong or given twice"),
                ));
            }
        }
    }
    Ok(())
}

fn components(card: &Value) -> Vec<&Component> {
    let list = card.get("components").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_object).collect()
}
