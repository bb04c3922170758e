//! What a preview warns of.

use domain::broadcasts::Plan;
use domain::broadcasts::recipe::Source;
use domain::connections::ConnectionState;
use ports::broadcasts::Screened;

use super::fit::{no_column, no_list};
use super::plan::Outlook;
use super::suspicion::{Looked, MOST};
use crate::faults::Faults;

/// What would keep a plan from being sent now, or from doing what its author expects.
/// `time`: what is wrong with when it goes out.
pub(super) fn of(
    plan: &Plan,
    outlook: &Outlook,
    screened: &Screened,
    looked: Looked,
    time: &Faults,
) -> Vec<String> {
    let mut warnings: Vec<String> = of_template(outlook).into_iter().collect();
    warnings.extend(time.0.iter().map(|fault| format!("{} {}", fault.pointer, fault.problem)));
    warnings.extend(of_numbers(outlook));
    warnings.extend(of_audience(screened));
    warnings.extend(of_places(plan, outlook, screened));
    if looked == Looked::AtMany {
        warnings.push(format!(
            "The parameters of the first {MOST} recipients were looked at that may not fit; what is wrong with those of the \
             others is told when their turn comes"
        ));
    }
    warnings
}

fn of_template(outlook: &Outlook) -> Option<String> {
    let row = outlook.blocked()??;
    let why = row.rejection_reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!("Template \"{}\" ({}) is {}{why}", row.name, row.language, row.status))
}

fn of_numbers(outlook: &Outlook) -> Vec<String> {
    let silent = outlook.numbers.iter().filter(|entry| entry.connection.state != ConnectionState::Active);
    let mut warnings: Vec<String> = silent
        .map(|entry| {
            let connection = &entry.connection;
            let why = connection.state_reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("\"{}\" does not send ({}){why}", connection.name, connection.state.as_str())
        })
        .collect();
    if outlook.per_second().is_none() {
        warnings.push("No number of it sends now: nobody knows how long it would take".to_owned());
    }
    warnings
}

fn of_audience(screened: &Screened) -> Option<String> {
    match (screened.meant, screened.recipients) {
        (0, _) => Some("The audience is empty".to_owned()),
        (_, 0) => Some("Nobody would get it: everybody meant is left out".to_owned()),
        _ => None,
    }
}

fn of_places(plan: &Plan, outlook: &Outlook, screened: &Screened) -> Vec<String> {
    let mut warnings = Vec::new();
    for source in outlook.recipe.sources() {
        match source {
            Source::Row(_) if !plan.audience.list => {
                warnings.push(no_list(source));
            }
            Source::Row(column) if screened.meant > 0 && !screened.columns.contains(column) => {
                warnings.push(no_column(source, &screened.columns));
            }
            _ if screened.empty_for_all.contains(source) => {
                warnings.push(format!("{{{{{source}}}}} is empty for everybody"));
            }
            _ => {}
        }
    }
    warnings
}
