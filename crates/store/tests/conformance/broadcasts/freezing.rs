//! Who becomes a recipient.

use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Step};
use domain::consent::{ConsentKind, ConsentSource, ConsentState};
use domain::contacts::Identity;
use domain::messages::gate::{Intent, Recipient, Refusal, TemplateFacts, check};
use domain::segments::Rule;
use domain::templates::{Category, Status};
use domain::{BroadcastId, ContactId, ConversationId, TemplateId};
use ports::broadcasts::{
    BroadcastStore, DueTimes, ListPart, ListPut, RecipientFilter, RecipientState, Screen, ZoneSet,
};
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactStore, NewContact};
use ports::messages::AcceptJob;
use ports::operator::OperatorStore;
use serde_json::json;

use super::campaign::{Campaign, change_of, due_now, everyone, meaning, new_broadcast, row, whole};
use crate::samples::{new_contact, new_template, phone, run, texts};
use crate::scene::job_of;
use crate::support::{Bench, at};

/// These zones and no others.
fn only(names: &[&str]) -> ZoneSet {
    ZoneSet { names: names.iter().map(|name| (*name).to_owned()).collect(), otherwise: false }
}

on_each_engine!(
    an_audience_is_frozen_page_by_page_and_nobody_twice,
    nothing_is_frozen_before_the_start_or_after_the_end,
    only_those_for_whom_the_rule_holds_are_meant,
    a_reason_is_the_first_that_applies,
    the_consent_of_an_audience_is_that_of_the_gate,
    a_window_counts_on_the_number_that_sends,
    rows_of_a_list_become_recipients_with_their_row,
    a_list_is_kept_replaced_and_forgotten,
    half_a_list_is_nobodys,
    a_needed_field_that_is_empty_leaves_out,
    a_frequency_cap_counts_marketing_of_the_last_days,
    zones_say_when_and_whom_not_now,
    who_has_no_zone_is_left_out_when_it_is_quiet_everywhere_but_there,
    what_was_screened_is_what_is_frozen,
    a_contact_that_was_joined_with_another_is_not_meant,
);

async fn an_audience_is_frozen_page_by_page_and_nobody_twice(bench: Bench) {
    let campaign = Campaign::started(bench, 25).await;
    let mut pages = Vec::new();
    loop {
        let page = campaign.freeze(&everyone(), &due_now(), 10).await;
        pages.push(page.recipients);
        campaign.check().await;
        if page.done {
            break;
        }
    }
    assert_eq!(pages, [10, 10, 5]);
    let again = campaign.freeze(&everyone(), &due_now(), 10).await;
    assert!(again.done && again.recipients == 0, "{again:?}");
    let read = campaign.read().await;
    assert!(read.frozen);
    assert_eq!(read.counts.pending, 25);
}

async fn nothing_is_frozen_before_the_start_or_after_the_end(bench: Bench) {
    let campaign = Campaign::draft(bench, 3).await;
    assert_eq!(campaign.freeze(&everyone(), &due_now(), 10).await, Default::default());
    campaign.step(Step::Start).await;
    campaign.step(Step::Pause).await;
    assert_eq!(campaign.freeze(&everyone(), &due_now(), 2).await.recipients, 2, "also while it is paused");
    campaign.step(Step::Cancel).await;
    assert_eq!(campaign.freeze(&everyone(), &due_now(), 2).await, Default::default());
    let nobody = campaign
        .scene
        .store()
        .freeze_page(campaign.scene.tenant, BroadcastId(999), &everyone(), &due_now(), 10)
        .await;
    assert_eq!(nobody.unwrap(), Default::default());
    campaign.check().await;
}

async fn only_those_for_whom_the_rule_holds_are_meant(bench: Bench) {
    let campaign = Campaign::started(bench, 0).await;
    let tag = |tag: &str| vec![tag.to_owned()];
    for number in 1..=9 {
        let tags = if number % 3 == 0 { tag("vip") } else { tag("vi\"p") };
        let opt_in = Some((ConsentSource::Api, json!({})));
        let new = NewContact { tags, opt_in, ..new_contact(number) };
        campaign.scene.bench.contact(campaign.scene.tenant, new).await;
    }
    let rule = json!({ "field": "tags", "op": "has", "value": "vip" });
    let rule: Rule = serde_json::from_value(rule).unwrap();
    let screen = Screen { rule: meaning(rule), ..everyone() };
    let mut recipients = 0;
    loop {
        let page = campaign.freeze(&screen, &due_now(), 4).await;
        recipients += page.recipients;
        if page.done {
            break;
        }
    }
    assert_eq!(recipients, 3);
    assert_eq!(campaign.counts().await.left_out, 0, "who is not meant is not left out");
    campaign.check().await;
}

async fn a_reason_is_the_first_that_applies(bench: Bench) {
    let campaign = Campaign::started(bench, 8).await;
    for (id, change) in [
        (1, "opted_in = FALSE, opted_out_at = 5, review_at = 5"),
        (2, "opted_in = FALSE, opted_in_at = NULL, marketing_stopped = TRUE"),
        (3, "marketing_stopped = TRUE, review_at = 5"),
        (4, "review_at = 5, review_code = 131026"),
        (5, "name = '  '"),
        (6, "name = 'Ana', country = 'XX'"),
        (7, "name = 'Bob'"),
        (8, "name = 'Cid', country = 'ZZ'"),
    ] {
        run(&campaign.scene.bench, &format!("UPDATE contacts SET {change} WHERE id = {id}")).await;
    }
    let screen = Screen {
        needed: vec![Source::Name],
        quiet: only(&["XX", "YY"]),
        passed: only(&["ZZ"]),
        ..everyone()
    };
    campaign.freeze(&screen, &due_now(), 100).await;
    let reasons: Vec<_> =
        campaign.recipients(RecipientFilter::default()).await.iter().map(|one| one.left_out).collect();
    use LeftOut::{
        MarketingStop, MissingParameter, NoConsent, NotOnWhatsapp, OptedOut, QuietHours, TimePassed,
    };
    assert_eq!(
        reasons,
        [
            Some(OptedOut),
            Some(NoConsent),
            Some(MarketingStop),
            Some(NotOnWhatsapp),
            Some(MissingParameter),
            Some(QuietHours),
            None,
            Some(TimePassed)
        ]
    );
    campaign.check().await;
}

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
                let verdict = check(recipient, &Intent::Template(facts.clone()), at(when));
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
    let never_asked = format!("UPDATE contacts SET opted_in = {}, opted_in_at = NULL", "FALSE");
    run(&campaign.scene.bench, &never_asked).await;
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

async fn rows_of_a_list_become_recipients_with_their_row(bench: Bench) {
    let campaign = Campaign::draft(bench, 3).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let number = |number| phone(number).as_str().to_owned();
    let rows = vec![
        row(2, Some(&number(1))),
        row(3, None),
        row(4, Some(&number(99))),
        row(5, Some(&number(2))),
        row(6, Some(&number(1))),
        row(7, Some(&number(99))),
        row(8, Some(&number(2))),
        row(9, Some(&number(2))),
    ];
    assert!(matches!(store.put_list(tenant, campaign.id, whole(rows)).await.unwrap(), ListPut::Done(_)));
    campaign.step(Step::Start).await;
    let needed = vec![Source::Row("coupon".into())];
    let screen = Screen { list: Some(campaign.id), needed, ..everyone() };
    // Pages of two, so that duplicates lie on the same page and on others.
    while !campaign.freeze(&screen, &due_now(), 2).await.done {
        campaign.check().await;
    }
    let all = campaign.recipients(RecipientFilter::default()).await;
    let seen: Vec<_> = all.iter().map(|one| (one.id, one.row_number, one.left_out)).collect();
    use LeftOut::{Duplicate, InvalidNumber, UnknownContact};
    assert_eq!(
        seen,
        [
            (-9, Some(9), Some(Duplicate)),
            (-8, Some(8), Some(Duplicate)),
            (-7, Some(7), Some(UnknownContact)),
            (-6, Some(6), Some(Duplicate)),
            (-4, Some(4), Some(UnknownContact)),
            (-3, Some(3), Some(InvalidNumber)),
            (1, Some(2), None),
            (2, Some(5), None),
        ]
    );
    assert_eq!(all[5].phone.as_deref(), Some("nonsense"), "what cannot be a number is shown as given");
    let due = campaign.due(10).await;
    assert_eq!(due[1].row.as_ref().unwrap()["coupon"], "X5");
    campaign.check().await;
}

async fn a_list_is_kept_replaced_and_forgotten(bench: Bench) {
    let campaign = Campaign::draft(bench, 1).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let put = |rows| store.put_list(tenant, campaign.id, whole(rows));
    let before = campaign.read().await.version;
    put(vec![row(1, None), row(2, Some("+15550000001")), row(1, Some("+15550000002"))]).await.unwrap();
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (2, 2), "the later row of one number");
    assert!(campaign.read().await.version > before, "whoever read the other list sees it");
    put(vec![row(1, None)]).await.unwrap();
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (1, 0));
    let plan = super::campaign::plan(false);
    let patch = ports::broadcasts::BroadcastPatch { plan: Some(plan), name: None };
    let change = change_of(&campaign.read().await, patch);
    store.update_broadcast(tenant, campaign.id, change).await.unwrap();
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (0, 0));
    assert_eq!(rows_left(&campaign).await, 0);
    campaign.step(Step::Start).await;
    let refused = put(vec![row(1, None)]).await.unwrap();
    assert_eq!(refused, ListPut::InvalidState(domain::broadcasts::State::Sending));
    assert_eq!(rows_left(&campaign).await, 0);
}

/// Rows that there are when all is swept.
async fn rows_left(campaign: &Campaign) -> usize {
    while campaign.scene.store().sweep(at(3), 2).await.unwrap() > 0 {}
    let left = texts(&campaign.scene.bench, "SELECT given AS text FROM broadcast_rows").await;
    left.len()
}

async fn half_a_list_is_nobodys(bench: Bench) {
    let campaign = Campaign::draft(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let number = |number| phone(number).as_str().to_owned();
    store.put_list(tenant, campaign.id, whole(vec![row(1, Some(&number(1)))])).await.unwrap();
    let part = |upload, rows, last| {
        let part = ListPart { upload, rows, last, at: at(2) };
        async move {
            match store.put_list(tenant, campaign.id, part).await.unwrap() {
                ListPut::Kept(list) => Ok(list),
                other => Err(other),
            }
        }
    };
    let broadcast_before = campaign.read().await;
    let list = part(None, vec![row(1, None), row(2, Some(&number(2)))], false).await.unwrap();
    part(Some(list), vec![row(3, None)], false).await.unwrap();
    let other = part(None, vec![row(7, None)], false).await.unwrap();
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (1, 1), "it has the list that it had");
    assert_eq!(rows_left(&campaign).await, 5, "nothing of what is on its way is swept");
    let done = part(Some(list), vec![row(4, None)], true).await.unwrap_err();
    assert!(matches!(done, ListPut::Done(_)), "{done:?}");
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (4, 1));
    assert_eq!(part(Some(list), vec![row(5, None)], false).await, Err(ListPut::NoUpload), "it is whole");
    assert_eq!(rows_left(&campaign).await, 5, "and the other one is on its way still");
    // It may become the list together with a change of the plan, or not at all.
    let change = |seen| ports::broadcasts::BroadcastChange {
        list: Some(other),
        seen,
        ..change_of(&broadcast_before, Default::default())
    };
    let late = store.update_broadcast(tenant, campaign.id, change(broadcast_before.version)).await.unwrap();
    assert_eq!(late, ports::broadcasts::BroadcastMoved::Overtaken);
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (4, 1));
    store.drop_list(tenant, other).await.unwrap();
    let now = campaign.read().await.version;
    let gone = store.update_broadcast(tenant, campaign.id, change(now)).await.unwrap();
    assert_eq!(gone, ports::broadcasts::BroadcastMoved::Overtaken);
    assert_eq!(store.list_size(tenant, campaign.id).await.unwrap(), (4, 1));
    assert_eq!(part(Some(other), Vec::new(), true).await, Err(ListPut::NoUpload));
    assert_eq!(rows_left(&campaign).await, 4);
    // What nobody goes on with is given up after an hour.
    let forgotten = part(None, vec![row(8, None)], false).await.unwrap();
    while store.sweep(at(3_600), 100).await.unwrap() > 0 {}
    part(Some(forgotten), vec![row(9, None)], false).await.unwrap();
    while store.sweep(at(3_603), 100).await.unwrap() > 0 {}
    assert_eq!(part(Some(forgotten), Vec::new(), true).await, Err(ListPut::NoUpload));
    assert_eq!(rows_left(&campaign).await, 4);
    // A broadcast that goes off while its next list comes goes to the list that it has.
    let late = part(None, vec![row(1, Some(&number(1)))], false).await.unwrap();
    campaign.step(Step::Start).await;
    let refused = part(Some(late), Vec::new(), true).await;
    assert_eq!(refused, Err(ListPut::InvalidState(domain::broadcasts::State::Sending)));
    let screen = Screen { list: Some(campaign.id), ..everyone() };
    while !campaign.freeze(&screen, &due_now(), 2).await.done {}
    let all = campaign.recipients(RecipientFilter::default()).await;
    assert_eq!(all.iter().filter(|one| one.left_out.is_none()).count(), 1);
    assert_eq!(all.len(), 4);
    campaign.check().await;
}

async fn a_needed_field_that_is_empty_leaves_out(bench: Bench) {
    let campaign = Campaign::started(bench, 0).await;
    for (number, city) in [(1, Some("Lima")), (2, Some(" \t")), (3, None), (4, Some(""))] {
        let fields = city.map(|city| json!({ "ci\"ty $.x": city })).unwrap_or(json!({}));
        let opt_in = Some((ConsentSource::Api, json!({})));
        let fields = fields.as_object().cloned().unwrap();
        let new = NewContact { fields, opt_in, ..new_contact(number) };
        campaign.scene.bench.contact(campaign.scene.tenant, new).await;
    }
    let needed = vec![Source::Phone, Source::Field("ci\"ty $.x".into())];
    let page = campaign.freeze(&Screen { needed, ..everyone() }, &due_now(), 10).await;
    assert_eq!((page.recipients, page.left_out), (1, 3));
    let of_rows = Screen { needed: vec![Source::Row("x".into())], ..everyone() };
    let screened = campaign.scene.store().screen(campaign.scene.tenant, &of_rows).await.unwrap();
    assert_eq!(screened.left_out, [(LeftOut::MissingParameter, 4)], "there are no rows without a list");
}

async fn a_frequency_cap_counts_marketing_of_the_last_days(bench: Bench) {
    let campaign = Campaign::started(bench, 3).await;
    let scene = &campaign.scene;
    let promo = ports::templates::NewTemplate { category: Category::Marketing, ..new_template("promo") };
    let promo = scene.bench.template(scene.tenant, promo).await.id;
    let send = |template, to, when| AcceptJob {
        at: at(when),
        ..job_of(scene.tenant, scene.connection, template, ContactId(to))
    };
    let day = 86_400;
    scene.send(send(promo, 1, 0)).await;
    scene.send(send(promo, 1, 3 * day)).await;
    scene.send(send(scene.template, 2, 3 * day)).await;
    scene.send(send(promo, 3, 0)).await;
    let capped =
        |messages, days| Screen { cap: Some(FrequencyCap { messages, days }), at: at(4 * day), ..everyone() };
    let left_out = async |screen: Screen| {
        let screened = scene.store().screen(scene.tenant, &screen).await.unwrap();
        screened.left_out.iter().map(|(_, count)| count).sum::<i64>()
    };
    assert_eq!(left_out(capped(1, 7)).await, 2, "utility does not count");
    assert_eq!(left_out(capped(2, 7)).await, 1);
    assert_eq!(left_out(capped(1, 2)).await, 1, "what is older does not count");
    assert_eq!(left_out(capped(2, 2)).await, 0);
}

async fn zones_say_when_and_whom_not_now(bench: Bench) {
    let campaign = Campaign::started(bench, 4).await;
    for (id, change) in [
        (1, "country = 'DE'"),
        (2, "country = 'DE', time_zone = 'America/Lima'"),
        (3, "country = 'US'"),
        (4, "country = NULL"),
    ] {
        run(&campaign.scene.bench, &format!("UPDATE contacts SET {change} WHERE id = {id}")).await;
    }
    let due = DueTimes {
        zones: vec![("DE".into(), at(2)), ("America/Lima".into(), at(3)), ("FR".into(), at(1))],
        otherwise: at(9),
    };
    let screen = Screen { quiet: only(&["US"]), ..everyone() };
    campaign.freeze(&screen, &due, 100).await;
    let rows = campaign.recipients(RecipientFilter::default()).await;
    let seen: Vec<_> = rows.iter().map(|one| (one.due_at, one.left_out)).collect();
    assert_eq!(seen, [(at(2), None), (at(3), None), (at(9), Some(LeftOut::QuietHours)), (at(9), None)]);
    let store = campaign.scene.store();
    assert_eq!(store.next_recipient_due(campaign.scene.tenant, campaign.id).await.unwrap(), Some(at(2)));
    let zones: Vec<_> = campaign.due(10).await.into_iter().map(|one| one.zone).collect();
    assert_eq!(zones, [Some("DE".to_owned()), Some("America/Lima".to_owned()), None]);
}

/// Who has no zone, or one of which nobody heard, is where the tenant is: in no list of names, and in every list of
/// exceptions.
async fn who_has_no_zone_is_left_out_when_it_is_quiet_everywhere_but_there(bench: Bench) {
    let mut campaign = Campaign::draft(bench, 4).await;
    for (id, change) in [
        (1, "country = 'JP', time_zone = NULL"),
        (2, "country = NULL, time_zone = NULL"),
        (3, "country = 'XX', time_zone = NULL"),
        (4, "country = 'JP', time_zone = 'Europe/Berlin'"),
    ] {
        run(&campaign.scene.bench, &format!("UPDATE contacts SET {change} WHERE id = {id}")).await;
    }
    let but = |name: &str| ZoneSet { names: vec![name.into()], otherwise: true };
    let nobody = ZoneSet::default();
    for (quiet, passed, left_out) in [
        (but("JP"), nobody.clone(), vec![2, 3, 4]),
        (only(&["JP"]), nobody.clone(), vec![1]),
        (nobody.clone(), but("Europe/Berlin"), vec![1, 2, 3]),
        (ZoneSet { otherwise: true, names: Vec::new() }, nobody.clone(), vec![1, 2, 3, 4]),
        (nobody.clone(), nobody, vec![]),
    ] {
        let reason = if passed.is_empty() { LeftOut::QuietHours } else { LeftOut::TimePassed };
        let screen = Screen { quiet, passed, ..everyone() };
        let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
        let screened = store.screen(tenant, &screen).await.unwrap();
        let expected: Vec<_> =
            (!left_out.is_empty()).then_some((reason, left_out.len() as i64)).into_iter().collect();
        assert_eq!(screened.left_out, expected, "{screen:?}");
        campaign.id = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
        campaign.step(Step::Start).await;
        campaign.freeze(&screen, &due_now(), 100).await;
        let filter = RecipientFilter { left_out: Some(reason), ..RecipientFilter::default() };
        let found: Vec<i64> = campaign.recipients(filter).await.iter().map(|one| one.id).collect();
        assert_eq!(found, left_out, "{screen:?}");
    }
}

async fn what_was_screened_is_what_is_frozen(bench: Bench) {
    let campaign = Campaign::draft(bench, 12).await;
    for (id, change) in [
        (1, "opted_in = FALSE"),
        (2, "marketing_stopped = TRUE"),
        (3, "language = 'es', country = 'PE'"),
        (4, "language = 'es', country = 'PE', time_zone = 'America/Lima'"),
    ] {
        run(&campaign.scene.bench, &format!("UPDATE contacts SET {change} WHERE id = {id}")).await;
    }
    let store = campaign.scene.store();
    let screened = store.screen(campaign.scene.tenant, &everyone()).await.unwrap();
    assert_eq!((screened.meant, screened.recipients), (12, 10));
    assert_eq!(screened.left_out, [(LeftOut::NoConsent, 1), (LeftOut::MarketingStop, 1)]);
    assert!(screened.countries.contains(&(Some("PE".into()), 2)), "{:?}", screened.countries);
    assert!(screened.languages.contains(&(Some("es".into()), 2)), "{:?}", screened.languages);
    assert!(screened.zones.contains(&(Some("America/Lima".into()), 1)), "{:?}", screened.zones);
    assert_eq!(screened.known_today, 0);
    let sampled = store.sample(campaign.scene.tenant, &everyone(), 3).await.unwrap();
    let sampled: Vec<_> = sampled.iter().map(|one| one.contact.id.0).collect();
    assert_eq!(sampled, [3, 4, 5]);
    campaign.step(Step::Start).await;
    let page = campaign.freeze(&everyone(), &due_now(), 100).await;
    assert_eq!((page.recipients, page.left_out), (10, 2));
    campaign.scene.lane("node").await;
    campaign.feed(4).await;
    let screen = ports::broadcasts::Screen { at: at(12), ..everyone() };
    let screened = store.screen(campaign.scene.tenant, &screen).await.unwrap();
    assert_eq!(screened.known_today, 4, "a template just went to them");
    let store = campaign.scene.store();
    let numbers = [campaign.scene.connection];
    assert_eq!(store.initiated_since(campaign.scene.tenant, &numbers, at(0)).await.unwrap(), 4);
    assert_eq!(store.initiated_since(campaign.scene.tenant, &numbers, at(12)).await.unwrap(), 0);
    assert_eq!(store.initiated_since(campaign.scene.tenant, &[], at(0)).await.unwrap(), 0);
}

async fn a_contact_that_was_joined_with_another_is_not_meant(bench: Bench) {
    let campaign = Campaign::started(bench, 2).await;
    let known = domain::contacts::Identity { bsuid: Some("US.1".into()), ..Identity::default() };
    let opt_in = Some((ConsentSource::Api, json!({})));
    let by_bsuid = NewContact { identity: known, opt_in, ..NewContact::default() };
    campaign.scene.bench.contact(campaign.scene.tenant, by_bsuid).await;
    super::joins::join(&campaign, 1, "US.1").await;
    let page = campaign.freeze(&everyone(), &due_now(), 100).await;
    assert_eq!(page.recipients, 2);
    let pending = RecipientFilter { state: Some(RecipientState::Pending), ..Default::default() };
    assert_eq!(campaign.recipients(pending).await.len(), 2);
    let gone = texts(
        &campaign.scene.bench,
        "SELECT CAST(id AS TEXT) AS text FROM contacts WHERE merged_into IS NOT NULL",
    );
    assert_eq!(gone.await.len(), 1);
    let stop = NewConsent {
        contact_id: ContactId(2),
        kind: ConsentKind::OptOut,
        source: ConsentSource::Api,
        evidence: json!({}),
        at: at(9),
    };
    campaign.scene.store().record_consent(campaign.scene.tenant, stop).await.unwrap();
    campaign.scene.store().ping().await.unwrap();
    assert!(campaign.scene.store().delete_contact(campaign.scene.tenant, ContactId(1), at(9)).await.unwrap());
    campaign.check().await;
    assert_eq!(campaign.counts().await.pending, 1);
}
