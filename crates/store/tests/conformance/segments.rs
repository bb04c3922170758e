//! Segments.

mod oracle;
mod rules;
mod world;

use domain::consent::ConsentSource;
use domain::contacts::Identity;
use domain::segments::Rule;
use domain::{ContactId, InboxId, SegmentId, TenantId};
use ports::broadcasts::BroadcastStore;
use ports::contacts::{ContactFilter, ContactPatch, ContactStore, NewContact, UpdatedContact};
use ports::segments::{Counted, RemovedSegment, Segment, SegmentPatch, SegmentStore, UpdatedSegment};
use ports::webhooks::{Change, IdentityChange, Source};
use ports::{Page, Paging};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::broadcasts::campaign::{begin, new_broadcast, step};
use crate::samples::{at_once, by_page, identity, inbound, new_contact, walk};
use crate::support::{Bench, at};
use world::World;

on_each_engine!(
    a_segment_is_kept_as_it_was_given,
    a_taken_name_tells_its_owner,
    of_fifty_who_make_the_same_segment_one_does,
    a_segment_is_changed_and_removed,
    segments_are_listed_by_name,
    a_rule_finds_and_counts_whom_it_means,
    nothing_in_a_value_is_read_as_sql,
    a_contact_without_the_thing_asked_for_is_counted_by_not,
    a_list_of_contacts_takes_a_rule_with_its_other_filters,
    the_country_follows_the_identity,
    joined_contacts_keep_a_country_and_a_time_zone,
    a_segment_is_not_removed_under_a_broadcast_that_has_not_begun,
    the_largest_rule_of_tags_is_one_that_an_engine_takes,
    a_rule_that_was_accepted_once_is_read_back_whatever_the_limits_are,
    a_broadcast_that_recurs_is_all_its_turns,
);

fn rule(value: Value) -> Rule {
    serde_json::from_value(value).expect("a rule")
}

async fn make(bench: &Bench, tenant: TenantId, name: &str) -> Segment {
    bench.store.create_segment(tenant, name, &Rule::everyone(), at(1)).await.unwrap().unwrap()
}

/// Who answers to a rule, by the list and, as a check, by the count.
async fn found(bench: &Bench, tenant: TenantId, rule: &Rule) -> Vec<ContactId> {
    let filter = ContactFilter { rule: Some((rule.clone(), world::now())), ..ContactFilter::default() };
    let list = bench.store.contacts(tenant, &filter, &by_page(1, 1_000)).await.unwrap();
    let counted = bench.store.count_contacts(tenant, rule, world::now()).await.unwrap();
    let opted_in = list.items.iter().filter(|contact| contact.consent.opted_in).count() as u64;
    assert_eq!(counted, Counted { contacts: list.items.len() as u64, opted_in }, "{}", rule.to_json());
    assert_eq!(list.total, counted.contacts);
    let mut ids: Vec<ContactId> = list.items.iter().map(|contact| contact.id).collect();
    ids.sort_unstable();
    ids
}

async fn a_segment_is_kept_as_it_was_given(bench: Bench) {
    let tenant = bench.tenant().await;
    let rule = rule(json!({ "any": [
        { "field": "fields.the \"city\"", "op": "in", "value": ["São Paulo", "'; --"] },
        { "not": { "all": [{ "field": "created_at", "op": "before", "value": "2026-01-02T03:04:05.000006Z" }] } },
    ] }));
    let made = bench.store.create_segment(tenant, "VIPs \u{1F980}\0", &rule, at(7)).await.unwrap().unwrap();
    assert_eq!((made.name.as_str(), &made.rule), ("VIPs \u{1F980}", &rule));
    assert_eq!((made.created_at, made.updated_at), (at(7), at(7)));
    assert_eq!(bench.store.segment(tenant, made.id).await.unwrap(), Some(made));
    assert_eq!(bench.store.segment(tenant, SegmentId(999)).await.unwrap(), None);
}

async fn a_taken_name_tells_its_owner(bench: Bench) {
    let (tenant, stranger) = (bench.tenant().await, bench.tenant().await);
    let one = make(&bench, tenant, "one").await;
    let two = make(&bench, tenant, "two").await;
    let again = bench.store.create_segment(tenant, "one", &Rule::everyone(), at(2)).await.unwrap();
    assert_eq!(again, Err(one.id));
    let patch = SegmentPatch { name: Some("one".into()), rule: None };
    let taken = bench.store.update_segment(tenant, two.id, patch.clone(), at(2)).await.unwrap();
    assert_eq!(taken, UpdatedSegment::Taken(one.id));
    assert_eq!(bench.store.segment(tenant, two.id).await.unwrap(), Some(two));
    let own = bench.store.update_segment(tenant, one.id, patch, at(2)).await.unwrap();
    assert!(matches!(own, UpdatedSegment::Updated(_)), "its own name is free for it");
    make(&bench, stranger, "one").await;
}

async fn of_fifty_who_make_the_same_segment_one_does(bench: Bench) {
    let tenant = bench.tenant().await;
    let answers = at_once(&bench.store, 50, move |store, _| async move {
        store.create_segment(tenant, "same", &Rule::everyone(), at(1)).await.unwrap()
    })
    .await;
    let made: Vec<SegmentId> = answers.iter().filter_map(|one| Some(one.as_ref().ok()?.id)).collect();
    assert_eq!(made.len(), 1);
    assert!(answers.iter().filter_map(|one| one.as_ref().err()).all(|owner| *owner == made[0]));
}

async fn a_segment_is_changed_and_removed(bench: Bench) {
    let tenant = bench.tenant().await;
    let made = make(&bench, tenant, "one").await;
    let vip = rule(json!({ "field": "tags", "op": "has", "value": "vip" }));
    let patch = SegmentPatch { name: None, rule: Some(vip.clone()) };
    let changed = bench.store.update_segment(tenant, made.id, patch, at(9)).await.unwrap();
    let expected = Segment { rule: vip, updated_at: at(9), ..made.clone() };
    assert_eq!(changed, UpdatedSegment::Updated(expected.clone()));
    assert_eq!(bench.store.segment(tenant, made.id).await.unwrap(), Some(expected));
    assert_eq!(bench.store.delete_segment(tenant, made.id).await.unwrap(), RemovedSegment::Removed);
    assert_eq!(bench.store.delete_segment(tenant, made.id).await.unwrap(), RemovedSegment::NotFound);
    assert_eq!(bench.store.segment(tenant, made.id).await.unwrap(), None);
    let gone = bench.store.update_segment(tenant, made.id, SegmentPatch::default(), at(9)).await.unwrap();
    assert_eq!(gone, UpdatedSegment::NotFound);
}

async fn segments_are_listed_by_name(bench: Bench) {
    let (tenant, stranger) = (bench.tenant().await, bench.tenant().await);
    for name in ["c", "a", "Z", "b"] {
        make(&bench, tenant, name).await;
    }
    make(&bench, stranger, "d").await;
    let names = |page: &Page<Segment>| page.items.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let all = bench.store.segments(tenant, &Paging::default()).await.unwrap();
    assert_eq!((names(&all), all.total), (["Z", "a", "b", "c"].map(str::to_owned).to_vec(), 4));
    let store = &bench.store;
    let walked = walk(1, |paging| async move { store.segments(tenant, &paging).await.unwrap() }).await;
    assert_eq!(walked.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Z", "a", "b", "c"]);
    let second = bench.store.segments(tenant, &by_page(2, 3)).await.unwrap();
    assert_eq!(names(&second), ["c"]);
}

/// The statement that a rule becomes, against an evaluator that knows no SQL, over random contacts of two tenants
/// who share their ids.
async fn a_rule_finds_and_counts_whom_it_means(bench: Bench) {
    let world = World::random(&bench, 150).await;
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Handle::current();
    let mut meant = (0, 0);
    let ran = tokio::task::block_in_place(|| {
        let meant = std::cell::RefCell::new(&mut meant);
        runner.run(&rules::rules(), |rule| {
            for tenant in &world.tenants {
                let expected = tenant.meant_by(&rule);
                meant.borrow_mut().0 += usize::from(!expected.is_empty());
                meant.borrow_mut().1 += 1;
                let found = runtime.block_on(found(&bench, tenant.id, &rule));
                proptest::prop_assert_eq!(found, expected, "{}", rule.to_json());
            }
            Ok(())
        })
    });
    ran.unwrap();
    let (some, all) = meant;
    assert!(some * 3 > all, "only {some} of {all} rules meant anybody");
}

async fn nothing_in_a_value_is_read_as_sql(bench: Bench) {
    let world = World::random(&bench, 30).await;
    let tenant = &world.tenants[0];
    let everyone = found(&bench, tenant.id, &Rule::everyone()).await;
    for attempt in [
        "' OR '1'='1",
        "x'; DROP TABLE contacts; --",
        "\") OR TRUE OR (\"",
        "%",
        "_",
        "!",
        "$1",
        "$99",
        "?",
        "\\",
        "*",
        "]]",
        "$.city",
        "$[0]",
        "a\" || \"b",
        "{",
        "x.y",
        "x ->> 'y'",
        "/*",
    ] {
        let field = format!("fields.{attempt}");
        for asked in [
            json!({ "field": "name", "op": "is", "value": attempt }),
            json!({ "field": "name", "op": "contains", "value": attempt }),
            json!({ "field": "name", "op": "in", "value": [attempt, "x"] }),
            json!({ "field": field, "op": "is_set" }),
            json!({ "field": field, "op": "starts_with", "value": attempt }),
            json!({ "field": field, "op": "greater", "value": 0 }),
            json!({ "field": "tags", "op": "has", "value": attempt }),
            json!({ "field": "tags", "op": "has_any", "value": [attempt, "x"] }),
        ] {
            let asked = rule(asked);
            assert_eq!(
                found(&bench, tenant.id, &asked).await,
                tenant.meant_by(&asked),
                "{}",
                asked.to_json()
            );
        }
    }
    assert_eq!(found(&bench, tenant.id, &Rule::everyone()).await, everyone);
}

async fn a_contact_without_the_thing_asked_for_is_counted_by_not(bench: Bench) {
    let tenant = bench.tenant().await;
    let bare = bench.contact(tenant, new_contact(1)).await.id;
    for (field, op, value) in [
        ("name", "is_not", json!("Ada")),
        ("fields.city", "is_not_set", Value::Null),
        ("tags", "has_not", json!("vip")),
        ("last_message_at", "never", Value::Null),
        ("opted_in", "is", json!(false)),
        ("window_open", "is", json!(false)),
        ("broadcast", "is", json!({ "id": 7, "outcome": "not_sent" })),
    ] {
        let asked = rule(json!({ "field": field, "op": op, "value": value }));
        assert_eq!(found(&bench, tenant, &asked).await, [bare], "{}", asked.to_json());
    }
    for (field, op, value) in [
        ("name", "is", json!("Ada")),
        ("name", "contains", json!("a")),
        ("fields.age", "greater", json!(1)),
        ("tags", "has", json!("vip")),
        ("last_message_at", "older_than_days", json!(1)),
        ("opted_in_at", "before", json!("2100-01-01T00:00:00Z")),
        ("broadcast", "is", json!({ "id": 7, "outcome": "not_read" })),
    ] {
        let asked = json!({ "field": field, "op": op, "value": value });
        assert_eq!(found(&bench, tenant, &rule(asked.clone())).await, [], "{asked}");
        assert_eq!(found(&bench, tenant, &rule(json!({ "not": asked.clone() }))).await, [bare], "{asked}");
    }
}

async fn a_list_of_contacts_takes_a_rule_with_its_other_filters(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut ids = Vec::new();
    for number in 1..=6 {
        let consent = (number % 2 == 0).then(|| (ConsentSource::Api, json!({})));
        let tags = if number > 2 { vec!["vip".to_owned()] } else { Vec::new() };
        let name = Some(format!("Person {number}"));
        ids.push(
            bench.contact(tenant, NewContact { tags, name, opt_in: consent, ..new_contact(number) }).await.id,
        );
    }
    let vip = rule(json!({ "field": "tags", "op": "has", "value": "vip" }));
    let filter = || ContactFilter {
        opted_in: Some(true),
        tags: vec!["vip".into()],
        search: Some("person".into()),
        rule: Some((vip.clone(), at(1))),
        ..ContactFilter::default()
    };
    let one = bench.store.contacts(tenant, &filter(), &by_page(1, 1)).await.unwrap();
    assert_eq!((one.items[0].id, one.total), (ids[5], 2));
    let filters = filter();
    let (store, filters) = (&bench.store, &filters);
    let walked =
        walk(1, |paging| async move { store.contacts(tenant, filters, &paging).await.unwrap() }).await;
    assert_eq!(walked.iter().map(|contact| contact.id).collect::<Vec<_>>(), [ids[5], ids[3]]);
}

async fn the_country_follows_the_identity(bench: Bench) {
    let tenant = bench.tenant().await;
    let berlin: domain::phone::PhoneNumber = "+4930123456".parse().unwrap();
    let new = NewContact {
        identity: Identity::of_phone(berlin),
        time_zone: Some("Europe/Lisbon".into()),
        ..NewContact::default()
    };
    let made = bench.contact(tenant, new).await;
    assert_eq!((made.country.as_deref(), made.time_zone.as_deref()), (Some("DE"), Some("Europe/Lisbon")));
    assert_eq!(bench.read_contact(tenant, made.id).await, made);

    let patch =
        ContactPatch { identity: Some(identity(1)), time_zone: Some(None), ..ContactPatch::default() };
    let UpdatedContact::Updated(moved) =
        bench.store.update_contact(tenant, made.id, patch, at(2)).await.unwrap()
    else {
        panic!("not updated")
    };
    assert_eq!((moved.country.as_deref(), moved.time_zone.as_deref()), (Some("US"), None));
    assert_eq!(bench.read_contact(tenant, made.id).await, moved);

    let hidden = Identity { phone: None, bsuid: Some("BR.13491208655302741918".into()) };
    let made = bench.contact(tenant, NewContact { identity: hidden, ..NewContact::default() }).await;
    assert_eq!(made.country.as_deref(), Some("BR"));
}

async fn joined_contacts_keep_a_country_and_a_time_zone(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    // A stranger writes, and a number goes over a border.
    let (stranger, _) = bench.receive(tenant, inbound(connection, identity(2), "w-2", 1)).await;
    assert_eq!(bench.read_contact(tenant, stranger).await.country.as_deref(), Some("US"));
    let tokyo = Identity::of_phone("+81312345678".parse().unwrap());
    bench.apply(tenant, vec![changed(identity(2), tokyo)]).await;
    assert_eq!(bench.read_contact(tenant, stranger).await.country.as_deref(), Some("JP"));

    // Two contacts are one person.
    let hidden = Identity { phone: None, bsuid: Some("BR.1".into()) };
    let time_zone = Some("America/Recife".to_owned());
    let older = bench.contact(tenant, new_contact(1)).await.id;
    let new = NewContact { identity: hidden.clone(), time_zone: time_zone.clone(), ..NewContact::default() };
    let newer = bench.contact(tenant, new).await.id;
    let both = Identity { bsuid: hidden.bsuid, ..identity(1) };
    bench.apply(tenant, vec![changed(identity(1), both)]).await;
    let person = bench.read_contact(tenant, newer).await;
    assert_eq!((person.id, person.country.as_deref(), &person.time_zone), (older, Some("US"), &time_zone));
    let brazil = rule(json!({ "field": "country", "op": "is", "value": "BR" }));
    assert_eq!(found(&bench, tenant, &brazil).await, [], "what was merged is nobody by itself");
}

fn changed(old: Identity, new: Identity) -> Change {
    let source = Source { inbox_id: InboxId(1), pointer: "/0".into() };
    Change::Identity(IdentityChange { source, old, new, at: at(5) })
}

async fn a_segment_is_not_removed_under_a_broadcast_that_has_not_begun(bench: Bench) {
    use domain::broadcasts::Step;
    let (tenant, stranger) = (bench.tenant().await, bench.tenant().await);
    let store = &bench.store;
    let (segment, free) = (make(&bench, tenant, "one").await.id, make(&bench, tenant, "two").await.id);
    let to = async |tenant, segment: Value| {
        let mut new = new_broadcast(false);
        new.plan.audience.asked = json!({ "segment_id": segment });
        store.create_broadcast(tenant, new).await.unwrap().id
    };
    let (draft, scheduled) = (to(tenant, json!(segment)).await, to(tenant, json!(segment)).await);
    let held = to(tenant, json!(segment)).await;
    for (id, steps) in [(scheduled, &[Step::Schedule][..]), (held, &[Step::Schedule, Step::Hold])] {
        for wanted in steps {
            store.move_broadcast(tenant, id, step(*wanted)).await.unwrap();
        }
    }
    to(stranger, json!(segment)).await;
    to(tenant, json!(null)).await;
    let used = store.delete_segment(tenant, segment).await.unwrap();
    assert_eq!(used, RemovedSegment::Used(vec![draft, scheduled, held]));
    assert!(store.segment(tenant, segment).await.unwrap().is_some());
    assert_eq!(store.delete_segment(tenant, free).await.unwrap(), RemovedSegment::Removed);
    // What has begun, or is over, needs it no more.
    begin(store, tenant, draft).await;
    for id in [scheduled, held] {
        store.move_broadcast(tenant, id, step(Step::Cancel)).await.unwrap();
    }
    assert_eq!(store.delete_segment(tenant, segment).await.unwrap(), RemovedSegment::Removed);
}

async fn the_largest_rule_of_tags_is_one_that_an_engine_takes(bench: Bench) {
    let tenant = bench.tenant().await;
    let tags = |from: usize, count: usize| -> Vec<String> {
        (from..from + count).map(|n| format!("tag \"{n}\"")).collect()
    };
    let many = tags(0, domain::segments::limits::VALUES);
    let all = bench.contact(tenant, NewContact { tags: many.clone(), ..new_contact(1) }).await.id;
    let some = bench.contact(tenant, NewContact { tags: tags(499, 2), ..new_contact(2) }).await.id;
    let other = bench.contact(tenant, NewContact { tags: tags(500, 3), ..new_contact(3) }).await.id;
    let none = bench.contact(tenant, new_contact(4)).await.id;
    let each = |op: &str| json!({ "field": "tags", "op": op, "value": many });
    let hundred = |op: &str| rule(json!({ "all": vec![each(op); domain::segments::limits::CONDITIONS] }));
    assert_eq!(found(&bench, tenant, &hundred("has_any")).await, [all, some]);
    assert_eq!(found(&bench, tenant, &hundred("has_all")).await, [all]);
    assert_eq!(found(&bench, tenant, &rule(json!({ "not": each("has_any") }))).await, [other, none]);
    let twice = [tags(499, 9), tags(499, 2)].concat();
    let twice = rule(json!({ "field": "tags", "op": "has_any", "value": twice }));
    assert_eq!(found(&bench, tenant, &twice).await, [all, some, other]);
    let nine = vec!["tag \"500\""; 9];
    let nine = rule(json!({ "field": "tags", "op": "has_all", "value": nine }));
    assert_eq!(found(&bench, tenant, &nine).await, [some, other], "the same tag again and again is one");
}

async fn a_rule_that_was_accepted_once_is_read_back_whatever_the_limits_are(bench: Bench) {
    let tenant = bench.tenant().await;
    let one = || {
        Rule::Is(domain::segments::Condition::Flag { flag: domain::segments::Flag::OptedIn, value: false })
    };
    let deep = (0..20).fold(one(), |rule, _| Rule::Not(Box::new(Rule::All(vec![rule]))));
    let large = Rule::Any(vec![one(); 250]);
    for (name, rule) in [("deep", deep), ("large", large)] {
        let made = bench.store.create_segment(tenant, name, &rule, at(1)).await.unwrap().unwrap();
        assert_eq!(
            bench.store.segment(tenant, made.id).await.unwrap().map(|read| read.rule),
            Some(rule.clone())
        );
        assert_eq!(found(&bench, tenant, &rule).await, []);
    }
}

async fn a_broadcast_that_recurs_is_all_its_turns(bench: Bench) {
    use crate::broadcasts::campaign::Campaign;
    let campaign = Campaign::frozen(bench, 2).await;
    let (store, tenant) = (campaign.scene.store(), campaign.scene.tenant);
    let lease = campaign.scene.lane("node").await;
    campaign.feed(1).await;
    campaign.deliver(&lease).await;
    let parent = store.create_broadcast(tenant, new_broadcast(false)).await.unwrap().id;
    let of = |outcome: &str| {
        rule(json!({ "field": "broadcast", "op": "is", "value": { "id": parent, "outcome": outcome } }))
    };
    let count =
        async |outcome: &str| store.count_contacts(tenant, &of(outcome), at(200)).await.unwrap().contacts;
    assert_eq!((count("sent").await, count("not_sent").await), (0, 2));
    let sql = format!("UPDATE broadcasts SET recurs_from = {parent} WHERE id = {}", campaign.id);
    crate::samples::run(&campaign.scene.bench, &sql).await;
    assert_eq!((count("sent").await, count("not_sent").await), (1, 1));
    assert_eq!((count("not_replied").await, count("replied").await), (1, 0));
    let contact = campaign.recipients(Default::default()).await[0].id;
    let sql = format!("UPDATE recipients SET replied_at = 1 WHERE id = {contact}");
    crate::samples::run(&campaign.scene.bench, &sql).await;
    assert_eq!((count("not_replied").await, count("replied").await), (0, 1));
}
