//! What the simulated customers do while the demo is being prepared.

use anyhow::{Context, Result};
use domain::phone::PhoneNumber;
use domain::{ContactId, TenantId};
use engine::messages::{Body, SendCommand};
use ports::contacts::Contact;
use ports::conversations::{Conversation, ConversationFilter};
use ports::messages::Addressee;
use ports::{Page, Paging};
use serde_json::json;

use super::contacts::{PEOPLE, Person, Standing};
use super::until::until;
use super::{Stage, templates};

/// Customers write in, two of them STOP. Waits until the server knows.
pub(super) async fn open(stage: &Stage<'_>, tenant: TenantId) -> Result<()> {
    for person in &PEOPLE {
        if let Some(text) = first_words(person) {
            says(stage, person.address, text)?;
        }
    }
    let writers = PEOPLE.iter().filter(|person| first_words(person).is_some()).count();
    until("the messages of the simulated customers", async || {
        let known = conversations(stage, tenant).await?;
        Ok(known.iter().filter(|conversation| conversation.window_expires_at.is_some()).count() >= writers)
    })
    .await
}

/// Three numbers turn out not to be on WhatsApp. Waits until their contacts are flagged for review.
pub(super) async fn reject(stage: &Stage<'_>, tenant: TenantId) -> Result<()> {
    let gone: Vec<&Person> =
        PEOPLE.iter().filter(|person| person.standing == Standing::NotOnWhatsapp).collect();
    for person in &gone {
        stage
            .simulator
            .set_customer(person.address, json!({"on_whatsapp": false, "failure_at": "status"}))
            .map_err(anyhow::Error::msg)?;
        let contact = contact(stage, tenant, person).await?;
        if contact.review.is_none() {
            send_greeting(stage, tenant, contact.id).await?;
        }
    }
    until("the refusal of three numbers", async || {
        let mut flagged = 0;
        for person in &gone {
            flagged += usize::from(contact(stage, tenant, person).await?.review.is_some());
        }
        Ok(flagged == gone.len())
    })
    .await
}

/// After a restart the simulator knows of no window: customers whose window is open write again, except those who
/// opted out, whose next word would count as a wish to talk.
pub(super) async fn resume(stage: &Stage<'_>, tenant: TenantId) -> Result<()> {
    let now = stage.clock.now();
    for conversation in conversations(stage, tenant).await? {
        let is_open = conversation.window_expires_at.is_some_and(|end| end > now);
        let Some(phone) = conversation.contact_phone.filter(|_| is_open) else { continue };
        let contact = stage.node.engine.contacts.get(tenant, conversation.contact_id).await?;
        if !contact.consent.explicitly_out() {
            says(stage, &phone, "Are you still there?")?;
        }
    }
    Ok(())
}

fn first_words(person: &Person) -> Option<&'static str> {
    match person.standing {
        Standing::Writes(text) | Standing::WritesFirst(text) => Some(text),
        Standing::WroteStop => Some("STOP"),
        _ => None,
    }
}

fn says(stage: &Stage<'_>, customer: &str, text: &str) -> Result<()> {
    let phone = stage.account.phones.first().context("the account has no number")?;
    stage
        .simulator
        .customer_says(&phone.id, customer, text)
        .with_context(|| format!("the simulator does not know the customer {customer}"))?;
    Ok(())
}

async fn send_greeting(stage: &Stage<'_>, tenant: TenantId, contact: ContactId) -> Result<()> {
    let command = SendCommand {
        to: Addressee::Contact(contact),
        connection: None,
        body: Body::Template { name: templates::GREETING.into(), language: None, params: Default::default() },
        reply_to: None,
        send_at: None,
        created_by: None,
        key: None,
        wait: std::time::Duration::ZERO,
        priority: None,
    };
    stage.node.engine.messages.send(tenant, command).await?;
    Ok(())
}

async fn contact(stage: &Stage<'_>, tenant: TenantId, person: &Person) -> Result<Contact> {
    let phone = PhoneNumber::parse(person.address, None).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let identity = domain::contacts::Identity::of_phone(phone);
    Ok(stage.node.engine.contacts.find(tenant, &identity).await?)
}

async fn conversations(stage: &Stage<'_>, tenant: TenantId) -> Result<Vec<Conversation>> {
    let page: Page<Conversation> = stage
        .node
        .engine
        .conversations
        .list(tenant, &ConversationFilter::default(), &Paging { page_size: 100, ..Paging::default() })
        .await?;
    Ok(page.items)
}
