//! A list that a broadcast was given, and what its rows become.

use domain::broadcasts::recipe::Source;
use domain::broadcasts::{LeftOut, Step};
use ports::broadcasts::{BroadcastStore, ListPart, ListPut, RecipientFilter, Screen};
use ports::operator::OperatorStore;

use super::campaign::{Campaign, change_of, due_now, everyone, row, whole};
use crate::samples::{phone, texts};
use crate::support::{Bench, at};

on_each_engine!(
    rows_of_a_list_become_recipients_with_their_row,
    a_list_is_kept_replaced_and_forgotten,
    half_a_list_is_nobodys,
);

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
