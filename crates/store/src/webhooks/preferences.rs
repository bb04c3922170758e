//! Choices on marketing made in WhatsApp's own settings.

use domain::consent::{ConsentKind, ConsentSource};
use ports::webhooks::MarketingPreference;
use serde_json::json;

use super::project::Projecting;
use crate::db::Fault;
use crate::ids::{self, Kind};
use crate::people::{People, settle};

/// Applies a choice. It counts for somebody who never wrote, too.
pub(super) async fn apply(
    projecting: &mut Projecting<'_>,
    preference: &MarketingPreference,
) -> Result<(), Fault> {
    let kind = if preference.stop { ConsentKind::MarketingStop } else { ConsentKind::MarketingResume };
    let mut people = loop {
        let who = std::iter::once(&preference.who);
        let mut people = People::of_identities(projecting.tx, projecting.tenant, who).await?;
        match people.resolve(&preference.who)? {
            Ok(_) => break people,
            Err(two) => settle(&people, two, projecting.now).await?,
        }
    };
    let Ok(person) = people.resolve(&preference.who)? else {
        return Err(Fault::internal("a settled identity still names two contacts"));
    };
    let evidence = json!({ "connection_id": preference.connection_id, "source": preference.source });
    let change = people.decide(person, kind, ConsentSource::MetaPreference, preference.at, evidence);
    let wants = [(Kind::Contact, people.strangers()), (Kind::ConsentRecord, people.decisions())];
    let [mut contacts, mut records] = ids::take(projecting.tx, wants).await?;
    people.name_strangers(&mut contacts)?;
    people.save(&mut records, projecting.now).await?;
    if change.happened() {
        projecting.done.consents.push((people.contact(person)?, kind));
    }
    Ok(())
}
