//! Who becomes a recipient.

use domain::broadcasts::recipe::Source;
use domain::broadcasts::schedule::FrequencyCap;
use domain::broadcasts::{LeftOut, Step};
use domain::consent::{ConsentKind, ConsentSource};
use domain::contacts::Identity;
use domain::segments::Rule;
use domain::templates::Category;
use domain::{BroadcastId, ContactId};
use ports::broadcasts::{BroadcastStore, DueTimes, RecipientFilter, RecipientState, Screen, ZoneSet};
use ports::consent::{ConsentStore, NewConsent};
use ports::contacts::{ContactStore, NewContact};
use ports::messages::AcceptJob;
use ports::operator::OperatorStore;
use serde_json::json;

use super::campaign::{Campaign, due_now, everyone, meaning, new_broadcast};
use crate::samples::{new_contact, new_template, run, texts};
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
