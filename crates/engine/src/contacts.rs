//! Contacts: made, found, changed, removed.

pub(crate) mod export;
pub(crate) mod index;
pub(crate) mod shape;

use domain::contacts::Identity;
use domain::phone::{InvalidPhone, PhoneFault, PhoneNumber};
use domain::{ContactId, TenantId};
use ports::contacts::{Contact, ContactFilter, ContactPatch, CreatedContact, NewContact, UpdatedContact};
use ports::{Page, Paging, StoreError};
use serde_json::{Map, Value};

use crate::Deps;
use crate::consent::Testimony;
use crate::faults::Faults;

/// How dealing with contacts fails.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    #[error("there is no such contact")]
    NotFound,
    /// The phone number is the only fault.
    #[error(transparent)]
    InvalidPhone(Box<InvalidPhone>),
    #[error(transparent)]
    Invalid(#[from] Faults),
    /// The phone number or BSUID belongs to this contact.
    #[error("contact {0} has this phone number or user id already")]
    Duplicate(ContactId),
    #[error("there is no such tenant")]
    TenantNotFound,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A contact to be made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CreateContact {
    /// As written by a person; read by the tenant's default country when it has no `+`.
    pub phone: Option<String>,
    /// Meta's business-scoped user id.
    pub bsuid: Option<String>,
    pub name: Option<String>,
    pub language: Option<String>,
    /// IANA name, in any case of letters.
    pub time_zone: Option<String>,
    pub tags: Vec<String>,
    pub fields: Map<String, Value>,
    /// Given consent: the contact starts opted in, with an entry in the ledger.
    pub opt_in: Option<Testimony>,
}

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchContact {
    pub phone: Option<Option<String>>,
    pub bsuid: Option<Option<String>>,
    pub name: Option<Option<String>>,
    pub language: Option<Option<String>>,
    pub time_zone: Option<Option<String>>,
    pub tags: Option<Vec<String>>,
    /// Members to set (`null` removes).
    pub fields: Option<Map<String, Value>>,
}

/// Use cases on contacts.
#[derive(Clone)]
pub struct Contacts {
    deps: Deps,
}

impl Contacts {
    /// Over these parts.
    pub fn new(deps: Deps) -> Self {
        Self { deps }
    }

    /// Makes a contact, with its consent entry when consent is given; one commit.
    ///
    /// # Errors
    /// [`ContactError::InvalidPhone`] when the number is the only fault, else [`ContactError::Invalid`] with every
    /// fault; [`ContactError::Duplicate`]; or the store's.
    pub async fn create(&self, tenant: TenantId, wanted: CreateContact) -> Result<Contact, ContactError> {
        let mut faults = Faults::default();
        let phone = self.read_phone(tenant, wanted.phone.as_deref()).await?;
        if wanted.phone.is_none() && wanted.bsuid.is_none() {
            faults.add("/phone", "phone or bsuid must be given");
        }
        if let Some(bsuid) = &wanted.bsuid {
            shape::bsuid(bsuid, &mut faults);
        }
        shape::name(wanted.name.as_deref(), &mut faults);
        shape::language(wanted.language.as_deref(), &mut faults);
        let time_zone = shape::time_zone(wanted.time_zone, &mut faults);
        let tags = shape::tags(wanted.tags, &mut faults);
        shape::fields(&wanted.fields, &mut faults);
        if wanted.fields.values().any(Value::is_null) {
            faults.add("/fields", "null removes a field of a contact; a new contact has none");
        }
        if let Some(testimony) = &wanted.opt_in {
            testimony.check("/opt_in_evidence", &mut faults);
        }
        let phone = settle(phone, faults)?;
        let contact = NewContact {
            identity: Identity { phone, bsuid: wanted.bsuid },
            name: shape::trimmed(wanted.name),
            language: shape::trimmed(wanted.language),
            time_zone,
            tags,
            fields: wanted.fields,
            opt_in: wanted.opt_in.map(|testimony| (testimony.source, testimony.into_evidence())),
        };
        match self.deps.store.create_contact(tenant, contact, self.deps.clock.now()).await? {
            CreatedContact::Created(contact) => Ok(contact),
            CreatedContact::Exists(other) => Err(ContactError::Duplicate(other)),
        }
    }

    /// One; the id of a contact that was merged into another finds that other.
    ///
    /// # Errors
    /// [`ContactError::NotFound`], or the store's.
    pub async fn get(&self, tenant: TenantId, contact: ContactId) -> Result<Contact, ContactError> {
        self.deps.store.contact(tenant, contact).await?.ok_or(ContactError::NotFound)
    }

    /// By phone number or BSUID.
    ///
    /// # Errors
    /// [`ContactError::NotFound`], or the store's.
    pub async fn find(&self, tenant: TenantId, identity: &Identity) -> Result<Contact, ContactError> {
        self.deps.store.contact_by_identity(tenant, identity).await?.ok_or(ContactError::NotFound)
    }

    /// By phone number as a person writes it.
    ///
    /// # Errors
    /// [`ContactError::InvalidPhone`], [`ContactError::NotFound`], or the store's.
    pub async fn find_by_phone(&self, tenant: TenantId, phone: &str) -> Result<Contact, ContactError> {
        let phone = settle(self.read_phone(tenant, Some(phone)).await?, Faults::default())?;
        self.find(tenant, &Identity { phone, bsuid: None }).await
    }

    /// Newest first.
    ///
    /// # Errors
    /// The store's alone.
    pub async fn list(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        paging: &Paging,
    ) -> Result<Page<Contact>, ContactError> {
        Ok(self.deps.store.contacts(tenant, filter, paging).await?)
    }

    /// Changes a contact; consent is changed by its own calls.
    ///
    /// # Errors
    /// As [`Contacts::create`], and [`ContactError::NotFound`].
    pub async fn patch(
        &self,
        tenant: TenantId,
        contact: ContactId,
        patch: PatchContact,
    ) -> Result<Contact, ContactError> {
        let current = self.get(tenant, contact).await?;
        let mut faults = Faults::default();
        let phone = self.read_phone(tenant, patch.phone.iter().flatten().map(String::as_str).next()).await?;
        if let Some(Some(bsuid)) = &patch.bsuid {
            shape::bsuid(bsuid, &mut faults);
        }
        shape::name(patch.name.iter().flatten().map(String::as_str).next(), &mut faults);
        shape::language(patch.language.iter().flatten().map(String::as_str).next(), &mut faults);
        let time_zone = patch.time_zone.map(|zone| shape::time_zone(zone, &mut faults));
        let tags = patch.tags.map(|tags| shape::tags(tags, &mut faults));
        if let Some(fields) = &patch.fields {
            shape::fields(fields, &mut faults);
            shape::room(&current.fields, fields, &mut faults);
        }
        let mut identity = current.identity.clone();
        if let Some(bsuid) = patch.bsuid {
            identity.bsuid = bsuid;
        }
        // A number that cannot be read is a fault of its own, not a contact without any.
        if patch.phone == Some(None) && identity.bsuid.is_none() {
            faults.add("/phone", "a contact needs a phone number or a user id");
        } else if patch.phone.is_none() && identity.phone.is_none() && identity.bsuid.is_none() {
            faults.add("/bsuid", "a contact needs a phone number or a user id");
        }
        let phone = settle(phone, faults)?;
        if patch.phone.is_some() {
            identity.phone = phone;
        }
        let change = ContactPatch {
            identity: (identity != current.identity).then_some(identity),
            name: patch.name.map(shape::trimmed),
            language: patch.language.map(shape::trimmed),
            time_zone,
            tags,
            fields: patch.fields,
        };
        match self.deps.store.update_contact(tenant, current.id, change, self.deps.clock.now()).await? {
            UpdatedContact::Updated(contact) => Ok(contact),
            UpdatedContact::NotFound => Err(ContactError::NotFound),
            UpdatedContact::Taken(other) => Err(ContactError::Duplicate(other)),
        }
    }

    /// Takes off the flag that keeps the contact from being sent to.
    ///
    /// # Errors
    /// [`ContactError::NotFound`], or the store's.
    pub async fn reviewed(&self, tenant: TenantId, contact: ContactId) -> Result<Contact, ContactError> {
        let now = self.deps.clock.now();
        self.deps.store.clear_review(tenant, contact, now).await?.ok_or(ContactError::NotFound)
    }

    /// Removes a contact with its conversations and messages; the consent ledger keeps its entries.
    ///
    /// # Errors
    /// [`ContactError::NotFound`], or the store's.
    pub async fn delete(&self, tenant: TenantId, contact: ContactId) -> Result<(), ContactError> {
        match self.deps.store.delete_contact(tenant, contact, self.deps.clock.now()).await? {
            true => Ok(()),
            false => Err(ContactError::NotFound),
        }
    }

    async fn read_phone(
        &self,
        tenant: TenantId,
        phone: Option<&str>,
    ) -> Result<Result<Option<PhoneNumber>, InvalidPhone>, ContactError> {
        let Some(phone) = phone else { return Ok(Ok(None)) };
        let tenant = self.deps.store.tenant(tenant).await?.ok_or(ContactError::TenantNotFound)?;
        Ok(PhoneNumber::parse(phone, tenant.settings.default_country.as_deref()).map(Some))
    }
}

/// The phone number, if neither it nor anything else is at fault.
fn settle(
    phone: Result<Option<PhoneNumber>, InvalidPhone>,
    mut faults: Faults,
) -> Result<Option<PhoneNumber>, ContactError> {
    match phone {
        Ok(phone) => faults.check().map(|()| phone).map_err(ContactError::Invalid),
        Err(invalid) if faults.0.is_empty() => Err(ContactError::InvalidPhone(Box::new(invalid))),
        Err(invalid) => {
            faults.add("/phone", explained(&invalid));
            Err(ContactError::Invalid(faults))
        }
    }
}

fn explained(invalid: &InvalidPhone) -> String {
    match invalid.reason {
        PhoneFault::Empty => PhoneFault::Empty.explanation().to_owned(),
        reason => {
            format!("{}; expected {} ({})", reason.explanation(), invalid.expected_format, invalid.example)
        }
    }
}
