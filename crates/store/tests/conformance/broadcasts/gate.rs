//! Consent and windows: an audience is held to what the gate holds one message to.

use domain::broadcasts::{LeftOut, Step};
use domain::consent::ConsentState;
use domain::messages::gate::{Intent, Recipient, Refusal, TemplateFacts, check};
use domain::templates::{Category, Status};
use domain::{ContactId, ConversationId, TemplateId};
use ports::broadcasts::{BroadcastStore, RecipientFilter, Screen};

use super::campaign::{Campaign, due_now, everyone, new_broadcast};
use crate::samples::run;
use crate::support::{Bench, at};

on_each_engine!(the_consent_of_an_audience_is_that_of_the_gate, a_window_counts_on_the_number_that_sends);

/// Every combination of what the gate looks at.
async fn the_consent_of_an_audience_is_that_of_the_gate(bench: Bench) {
    let mut campaign = Campaign::started(bench, 64).await;
    let mut expected = Vec::new();
    for number in 0..64u32 {
        let bit = |place: u32| number >> place & 1 == 1;
        let id = i64::from(number) + 1;
        let consent = ConsentState {
            opted_in: bit(0),
            opted_in_at: None,
            opted_out_at: bit(1).then(|| at(1)),
            marketing_stopped: bit(2),
            wrote_after_opt_out: bit(3),
        };
        let recipient = Recipient {
            contact_id: ContactId(id),
            phone: None,
            consent: consent.clone(),
            unreachable: bit(4).then_some(131_026),
            conversation_id: bit(5).then_some(ConversationId(id)),
            window_expires_at: bit(5).then(|| at(6)),
        };
        let sql = format!(
            "UPDATE contacts SET opted_in = {}, opted_out_at = {}, marketing_stopped = {}, wrote_after_opt_out = {}, \
             review_at = {}, review_code = 131026 WHERE id = {id}",
            consent.opted_in,
            consent.opted_out_at.map_or("NULL".into(), |at| at.as_microsecond().to_string()),
            consent.marketing_stopped,
            consent.wrote_after_opt_out,
            if bit(4) { "5" } else { "NULL" },
        );
        run(&campaign.scene.bench, &sql).await;
        if bit(5) {
            let sql = format!(
                "INSERT INTO conversations (tenant_id, id, contact_id, connection_id, status, labels, window_expires_at, \
                 unread, pair_throttles, created_at) VALUES ({}, {id}, {id}, {}, 'open', '[]', {}, 0, 0, 0)",
                campaign.scene.tenant,
                campaign.scene.connection,
                at(6).as_microsecond(),
            );
            run(&campaign.scene.bench, &sql).await;
        }
        expected.push(recipient);
    }
    for category in [Category::Marketing, Category::Utility, Category::Authentication] {
        for when in [5, 6] {
            let made =
                campaign.scene.store().create_broadcast(campaign.scene.tenant, new_broadcast(false)).await;
            campaign.id = made.unwrap().id;
            campaign.step(Step::Start).await;
            let screen = Screen { category: category.clone(), at: at(when), ..everyone() };
            campaign.freeze(&screen, &due_now(), 100).await;
            let facts = TemplateFacts {
                id: TemplateId(1),
                name: "x".into(),
                status: Status::Approved,
                category: category.clone(),
                rejection_reason: None,
            };
            let rows = campaign.recipients(RecipientFilter::default()).await;
            assert_eq!(rows.len(), 64);
            for (row, recipient) in rows.iter().zip(&expected) {
                let verdict = check(recipient, &Intent::Broadcast(facts.clone()), at(when));
                let agreed = match row.left_out {
                    None => verdict.is_ok(),
                    Some(LeftOut::OptedOut | LeftOut::NoConsent | LeftOut::MarketingStop) => {
                        matches!(verdict, Err(Refusal::NotOptedIn { .. }))
                    }
                    Some(LeftOut::NotOnWhatsapp) => matches!(verdict, Err(Refusal::Unreachable { .. })),
                    Some(_) => false,
                };
                assert!(
                    agreed,
                    "{category} at {when}: {:?} against {verdict:?} of {recipient:?}",
                    row.left_out
                );
            }
            campaign.check().await;
        }
    }
}

/// The window of another number lets nothing through on this one.
async fn a_window_counts_on_the_number_that_sends(bench: Bench) {
    let mut campaign = Campaign::started(bench, 1).await;
    let (tenant, ours) = (campaign.scene.tenant, campaign.scene.connection);
    let other = campaign.scene.bench.connection(tenant).await.id;
    let unreachable =
        "UPDATE contacts SET review_reason = 'not_on_whatsapp', review_code = 131026, review_at = 0";
    run(&campaign.scene.bench, unreachable).await;
    run(
        &campaign.scene.bench,
        &format!(
            "INSERT INTO conversations (tenant_id, id, contact_id, connection_id, status, labels, window_expires_at, \
             unread, pair_throttles, created_at) SELECT tenant_id, 9000, id, {other}, 'open', '[]', {}, 0, 0, 0 FROM contacts",
            at(600).as_microsecond()
        ),
    )
    .await;
    for (numbers, recipients) in [(vec![ours], 0), (vec![ours, other], 1), (vec![], 1)] {
        let made = campaign.scene.store().create_broadcast(tenant, new_broadcast(false)).await;
        campaign.id = made.unwrap().id;
        campaign.step(Step::Start).await;
        let screen = Screen { category: Category::Utility, numbers: numbers.clone(), ..everyone() };
        let page = campaign.freeze(&screen, &due_now(), 100).await;
        assert_eq!((page.recipients, page.left_out), (recipients, 1 - recipients), "{numbers:?}");
    }
}
