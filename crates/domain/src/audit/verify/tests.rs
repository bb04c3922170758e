use proptest::prelude::*;

use super::super::{Actor, ActorKind, Entry};
use super::*;
use crate::Timestamp;

const TENANT: TenantId = TenantId(7);

fn key() -> ChainKey {
    ChainKey::new(&[3; 32])
}

fn sealed(key: &ChainKey, entries: Vec<Entry>) -> (Vec<Link>, Head) {
    let mut prev = BEGINNING.to_vec();
    let mut links = Vec::new();
    for (entry, seq) in entries.into_iter().zip(1..) {
        let entry = Entry { seq, ..entry };
        let hash = key.hash(&prev, &entry).to_vec();
        links.push(Link { entry, prev: std::mem::replace(&mut prev, hash.clone()), hash });
    }
    let head = key.head(TENANT, links.len() as i64, &prev);
    (links, head)
}

prop_compose! {
    fn actor()(
        kind in prop::sample::select(&ActorKind::ALL[..]),
        id in any::<Option<i64>>(),
        name in any::<Option<String>>(),
        address in any::<Option<String>>(),
        request_id in any::<Option<String>>(),
    ) -> Actor {
        Actor { kind, id, name, address, request_id }
    }
}

prop_compose! {
    fn entry()(
        at in -1_000_000_000_000_i64..4_000_000_000_000_000,
        actor in actor(),
        action in "[a-z_]{1,12}",
        subject in any::<String>(),
        before in any::<Option<String>>(),
        after in any::<Option<String>>(),
    ) -> Entry {
        let at = Timestamp::from_microsecond(at).unwrap();
        Entry { tenant_id: TENANT, seq: 0, at, actor, action, subject, before, after }
    }
}

fn chain(least: usize) -> impl Strategy<Value = (Vec<Link>, Head)> {
    prop::collection::vec(entry(), least..12).prop_map(|entries| sealed(&key(), entries))
}

/// The same with one field changed, whichever `which` says.
fn changed(link: &Link, which: usize) -> Link {
    let mut link = link.clone();
    let other = |text: &Option<String>| match text {
        Some(_) => None,
        None => Some(String::new()),
    };
    let entry = &mut link.entry;
    match which {
        0 => entry.tenant_id = TenantId(8),
        1 => entry.at += crate::SignedDuration::from_micros(1),
        2 => {
            let next = ActorKind::ALL.iter().position(|kind| *kind == entry.actor.kind).unwrap() + 1;
            entry.actor.kind = ActorKind::ALL[next % ActorKind::ALL.len()];
        }
        3 => entry.actor.id = entry.actor.id.map_or(Some(0), |_| None),
        4 => entry.actor.name = other(&entry.actor.name),
        5 => entry.actor.address = other(&entry.actor.address),
        6 => entry.actor.request_id = other(&entry.actor.request_id),
        7 => entry.action.push('s'),
        8 => entry.subject.push('0'),
        9 => entry.before = other(&entry.before),
        10 => entry.after = other(&entry.after),
        11 => link.prev[0] ^= 1,
        _ => link.hash[31] ^= 1,
    }
    link
}

proptest! {
    #[test]
    fn a_chain_as_it_was_sealed_is_valid((links, head) in chain(0)) {
        let verdict = verify(key(), TENANT, &links, Some(head.clone()));
        prop_assert!(verdict.is_valid(), "{verdict:?}");
        prop_assert_eq!((verdict.entries, verdict.head), (links.len() as u64, Some(head)));
    }

    #[test]
    fn a_changed_field_is_found_at_its_entry(
        (mut links, head) in chain(1), place in any::<prop::sample::Index>(), which in 0_usize..13,
    ) {
        let place = place.index(links.len());
        links[place] = changed(&links[place], which);
        let verdict = verify(key(), TENANT, &links, Some(head));
        prop_assert_eq!(verdict.broken[0].clone(), Broken { seq: place as i64 + 1, what: What::Changed });
    }

    #[test]
    fn a_removed_entry_is_found((mut links, head) in chain(1), place in any::<prop::sample::Index>()) {
        let place = place.index(links.len());
        links.remove(place);
        let verdict = verify(key(), TENANT, &links, Some(head));
        let cut = place == links.len();
        prop_assert_eq!(verdict.broken[0].what, if cut { What::Cut } else { What::Missing });
    }

    #[test]
    fn a_removed_entry_is_found_when_the_rest_is_numbered_anew(
        (mut links, head) in chain(2), place in any::<prop::sample::Index>(),
    ) {
        links.remove(place.index(links.len()));
        for (link, seq) in links.iter_mut().zip(1..) {
            link.entry.seq = seq;
        }
        prop_assert!(!verify(key(), TENANT, &links, Some(head)).is_valid());
    }

    #[test]
    fn two_that_changed_places_are_found((mut links, head) in chain(2), at in any::<prop::sample::Index>()) {
        let first = at.index(links.len() - 1);
        links.swap(first, first + 1);
        let (left, right) = (links[first].entry.seq, links[first + 1].entry.seq);
        links[first].entry.seq = right;
        links[first + 1].entry.seq = left;
        prop_assert!(!verify(key(), TENANT, &links, Some(head)).is_valid());
    }

    #[test]
    fn a_chain_made_anew_with_another_key_is_found((links, head) in chain(1)) {
        let entries = links.iter().map(|link| link.entry.clone()).collect();
        let (forged, its_head) = sealed(&ChainKey::new(&[4; 32]), entries);
        let with_both = verify(key(), TENANT, &forged, Some(its_head));
        prop_assert!(with_both.broken.iter().any(|broken| broken.what == What::HeadChanged));
        prop_assert!(!verify(key(), TENANT, &forged, Some(head)).is_valid());
    }

    #[test]
    fn a_chain_rolled_back_with_its_head_is_found_by_who_saw_it_before((links, head) in chain(1)) {
        let known = Known { seq: head.seq, hash: head.hash };
        let earlier = &links[..links.len() - 1];
        let hash = earlier.last().map_or(BEGINNING.to_vec(), |link| link.hash.clone());
        let mut verifier = Verifier::new(key(), TENANT, Some(known));
        earlier.iter().for_each(|link| verifier.link(link));
        let verdict = verifier.end(Some(key().head(TENANT, earlier.len() as i64, &hash)));
        prop_assert_eq!(verdict.broken[0].what, What::RolledBack);
    }
}

#[test]
fn a_head_that_is_missing_is_found() {
    assert_eq!(verify(key(), TENANT, &[], None).broken, [Broken { seq: 0, what: What::NoHead }]);
}

#[test]
fn the_head_of_another_tenant_does_not_pass() {
    let head = key().head(TenantId(8), 0, &BEGINNING);
    assert_eq!(verify(key(), TENANT, &[], Some(head)).broken[0].what, What::HeadChanged);
}

#[test]
fn a_million_broken_places_are_counted_and_a_hundred_named() {
    let mut verdict = Verdict::default();
    (0..1_000_000).for_each(|seq| verdict.note(seq, What::Changed));
    assert_eq!((verdict.broken.len(), verdict.broken_total), (100, 1_000_000));
}
