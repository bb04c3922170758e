//! Fifty contacts in several states. Every number is one that its country keeps free for fiction (NANP 555-01xx,
//! Ofcom's, ARCEP's, the Bundesnetzagentur's and ACMA's lists), so that nobody real is ever written to.

use anyhow::Result;
use domain::consent::ConsentSource;
use domain::{ContactId, TenantId};
use engine::consent::Testimony;
use engine::contacts::{ContactError, CreateContact};
use serde_json::{Map, json};

use super::Stage;

/// How a contact stands at the end of the seeding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    OptedIn,
    /// Never asked.
    Unasked,
    /// Opted in once, then out, at the desk.
    OptedOut,
    /// Opted in, then wrote STOP.
    WroteStop,
    /// Opted in, has a conversation with an open window that begins with this.
    Writes(&'static str),
    /// Never asked, but wrote in first.
    WritesFirst(&'static str),
    /// Opted in, and Meta said that the number is not on WhatsApp.
    NotOnWhatsapp,
}

/// One contact.
pub(super) struct Person {
    pub(super) name: &'static str,
    /// A phone number, or a user id for somebody who hides it.
    pub(super) address: &'static str,
    language: &'static str,
    tags: &'static [&'static str],
    pub(super) standing: Standing,
}

use Standing::{NotOnWhatsapp, OptedIn, OptedOut, Unasked, Writes, WritesFirst, WroteStop};

const fn person(
    name: &'static str,
    address: &'static str,
    language: &'static str,
    tags: &'static [&'static str],
    standing: Standing,
) -> Person {
    Person { name, address, language, tags, standing }
}

/// All of them.
pub(super) const PEOPLE: [Person; 50] = [
    person("Amelia Hart", "+12025550101", "en_US", &["vip", "newsletter"], OptedIn),
    person("Benjamin Cole", "+12025550102", "en_US", &["newsletter"], OptedIn),
    person("Carla Mendes", "+12025550103", "pt_BR", &["newsletter"], OptedIn),
    person("Daniel Ortiz", "+12025550104", "es", &["wholesale"], OptedIn),
    person("Evelyn Park", "+12025550105", "en_US", &["vip"], Writes("Hi, where is my order 1038?")),
    person("Frank Morris", "+12025550106", "en_US", &[], Unasked),
    person("Grace Lindqvist", "+12025550107", "en_US", &["newsletter"], OptedIn),
    person("Hector Ruiz", "+12025550108", "es", &["newsletter"], OptedOut),
    person("Isabel Torres", "+12025550109", "es", &["vip"], OptedIn),
    person("Jacob Stein", "+12025550110", "en_US", &["wholesale"], OptedIn),
    person("Karen Whitfield", "+12025550111", "en_US", &[], WroteStop),
    person("Liam O'Connor", "+12025550112", "en_US", &["newsletter"], OptedIn),
    person("Maria Gonzalez", "+12025550113", "es", &["newsletter"], Writes("¿Tienen talla 38?")),
    person("Noah Patel", "+12025550114", "en_US", &[], Unasked),
    person("Olivia Brandt", "+12025550115", "en_US", &["vip", "newsletter"], OptedIn),
    person("Peter Nowak", "+12025550116", "en_US", &[], NotOnWhatsapp),
    person("Amara Bello", "+447700900101", "en_GB", &["newsletter"], OptedIn),
    person("Callum Reid", "+447700900102", "en_GB", &[], OptedIn),
    person("Deepa Shah", "+447700900103", "en_GB", &["vip"], Writes("Can I change the delivery address?")),
    person("Eleanor Price", "+447700900104", "en_GB", &["newsletter"], OptedIn),
    person("Finlay Burns", "+447700900105", "en_GB", &[], Unasked),
    person("Gwen Hughes", "+447700900106", "en_GB", &["newsletter"], OptedOut),
    person("Harriet Moss", "+447700900107", "en_GB", &["wholesale"], OptedIn),
    person("Imran Khan", "+447700900108", "en_GB", &["newsletter"], OptedIn),
    person("Jodie Marsh", "+447700900109", "en_GB", &[], NotOnWhatsapp),
    person("Kieran Walsh", "+447700900110", "en_GB", &["newsletter"], OptedIn),
    person("Agathe Lemoine", "+33639980101", "fr", &["newsletter"], OptedIn),
    person("Bastien Roche", "+33639980102", "fr", &["vip"], OptedIn),
    person(
        "Chloé Faure",
        "+33639980103",
        "fr",
        &["newsletter"],
        Writes("Bonjour, le colis est arrivé abîmé."),
    ),
    person("Didier Caron", "+33639980104", "fr", &[], Unasked),
    person("Élodie Perrin", "+33639980105", "fr", &["newsletter"], OptedIn),
    person("Florian Gaillard", "+33639980106", "fr", &["wholesale"], OptedIn),
    person("Gaëlle Morin", "+33639980107", "fr", &[], OptedOut),
    person("Hugo Blanc", "+33639980108", "fr", &["newsletter"], WroteStop),
    person("Anke Vogel", "+493023125101", "de", &["newsletter"], OptedIn),
    person("Bernd Kühn", "+493023125102", "de", &[], OptedIn),
    person("Çiğdem Yıldız", "+493023125103", "de", &["vip", "newsletter"], OptedIn),
    person("Dörte Hansen", "+493023125104", "de", &["newsletter"], OptedIn),
    person("Emil Sauer", "+493023125105", "de", &[], Unasked),
    person(
        "Frieda Lange",
        "+493023125106",
        "de",
        &["newsletter"],
        WritesFirst("Haben Sie samstags geöffnet?"),
    ),
    person("Gerd Wolter", "+493023125107", "de", &["wholesale"], OptedIn),
    person("Hanna Schütz", "+493023125108", "de", &[], NotOnWhatsapp),
    person("Abigail Frost", "+61491570156", "en_AU", &["newsletter"], OptedIn),
    person("Bruce Keller", "+61491570157", "en_AU", &[], OptedIn),
    person("Chelsea Dunn", "+61491570158", "en_AU", &["vip"], WritesFirst("Do you ship to Tasmania?")),
    person("Dean Abbott", "+61491570159", "en_AU", &["newsletter"], OptedIn),
    person("Erin Nolan", "+61491570110", "en_AU", &[], Unasked),
    person("Fergus Lane", "+61491570313", "en_AU", &["newsletter"], OptedIn),
    person("Gemma Doyle", "US.13491208655302741918", "en_US", &["username"], OptedIn),
    person("Hidden Harry", "GB.24018833016205774931", "en_GB", &["username"], Unasked),
];

impl Person {
    fn wanted(&self) -> CreateContact {
        let is_phone = self.address.starts_with('+');
        let address = |wanted: bool| wanted.then(|| self.address.to_owned());
        CreateContact {
            phone: address(is_phone),
            bsuid: address(!is_phone),
            name: Some(self.name.to_owned()),
            language: Some(self.language.to_owned()),
            time_zone: None,
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            fields: Map::from_iter([("country".to_owned(), self.country().into())]),
            opt_in: self.opted_in_at_first().then(|| testimony("ticked the box on the order form")),
        }
    }

    fn opted_in_at_first(&self) -> bool {
        !matches!(self.standing, Unasked | WritesFirst(_))
    }

    fn country(&self) -> &'static str {
        match self.address.as_bytes() {
            [b'+', b'1', ..] | [b'U', ..] => "US",
            [b'+', b'3', ..] => "FR",
            [b'+', b'4', b'9', ..] => "DE",
            [b'+', b'6', ..] => "AU",
            _ => "GB",
        }
    }
}

/// Makes those that are not there yet.
pub(super) async fn seed(stage: &Stage<'_>, tenant: TenantId) -> Result<()> {
    for person in &PEOPLE {
        let id = find_or_make(stage, tenant, person).await?;
        if person.standing == OptedOut {
            stage.node.engine.consent.opt_out(tenant, id, testimony("asked for it on the phone")).await?;
        }
    }
    Ok(())
}

async fn find_or_make(stage: &Stage<'_>, tenant: TenantId, person: &Person) -> Result<ContactId> {
    match stage.node.engine.contacts.create(tenant, person.wanted()).await {
        Ok(contact) => Ok(contact.id),
        Err(ContactError::Duplicate(id)) => Ok(id),
        Err(error) => Err(error.into()),
    }
}

fn testimony(how: &str) -> Testimony {
    Testimony { source: ConsentSource::Console, api_key: None, evidence: Some(json!({ "note": how })) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_is_there_twice_and_every_state_is_shown() {
        let addresses: HashSet<&str> = PEOPLE.iter().map(|person| person.address).collect();
        assert_eq!(addresses.len(), PEOPLE.len());
        let count =
            |wanted: fn(&Standing) -> bool| PEOPLE.iter().filter(|person| wanted(&person.standing)).count();
        assert_eq!(count(|s| matches!(s, OptedIn)), 29);
        assert_eq!(count(|s| matches!(s, Unasked)), 7);
        assert_eq!(count(|s| matches!(s, OptedOut | WroteStop)), 5);
        assert_eq!(count(|s| matches!(s, Writes(_) | WritesFirst(_))), 6);
        assert_eq!(count(|s| matches!(s, NotOnWhatsapp)), 3);
    }
}
