//! Templates.

use domain::templates::{Category, Status};
use domain::{ConnectionId, TemplateId, TenantId};
use ports::Paging;
use ports::connections::NewConnection;
use ports::templates::{
    CreatedTemplate, NewTemplate, SyncCounts, Template, TemplateFilter, TemplatePatch, TemplateStore,
};
use serde_json::json;

use crate::samples::{WABA, at_once, new_connection, new_template, walk};
use crate::support::{Bench, at};

on_each_engine!(
    a_template_is_kept_as_it_was_given,
    a_taken_name_and_language_names_its_owner,
    of_fifty_who_make_the_same_template_one_does,
    templates_are_found_by_name_on_the_account_of_a_connection,
    templates_are_listed_by_name_and_language,
    filters_hold_together,
    a_change_moves_the_version_and_leaves_the_rest,
    a_draft_is_removed_and_a_submitted_one_is_marked,
    the_name_of_a_deleted_template_is_free,
    a_sync_adds_updates_and_leaves_alone,
    a_sync_finds_a_template_that_meta_gave_no_id_yet_by_its_name,
    a_sync_keeps_what_meta_leaves_out,
    a_sync_brings_back_what_was_deleted_unless_its_name_is_in_use,
    syncs_at_once_add_nothing_twice,
    what_is_missing_in_the_list_is_deleted,
);

async fn read(bench: &Bench, tenant: TenantId, template: TemplateId) -> Template {
    bench.store.template(tenant, template).await.unwrap().expect("there")
}

async fn sync(bench: &Bench, tenant: TenantId, rows: &[NewTemplate], second: i64) -> (u64, u64, u64) {
    let counts = bench.store.sync_templates(tenant, rows.to_vec(), at(second)).await.unwrap();
    assert_eq!(counts.removed, 0);
    (counts.added, counts.updated, counts.unchanged)
}

fn translated(name: &str, language: &str) -> NewTemplate {
    NewTemplate {
        language: language.into(),
        meta_id: Some(format!("meta-{name}-{language}")),
        ..new_template(name)
    }
}

async fn a_template_is_kept_as_it_was_given(bench: Bench) {
    let tenant = bench.tenant().await;
    let new = NewTemplate {
        status: Status::from_word("quarantined"),
        rejection_reason: Some("TAG_CONTENT_MISMATCH".into()),
        quality: Some("GREEN".into()),
        param_names: vec!["customer_name".into(), "order_id".into()],
        components: json!([{ "type": "BODY", "text": "Grüße \u{1F980} {{1}}\n'\"" , "b": 1, "a": 2 }]),
        ..new_template("order_shipped")
    };
    let template = bench.template(tenant, new.clone()).await;
    assert_eq!((template.status.clone(), template.version), (Status::Other("quarantined".into()), 1));
    assert_eq!((&template.components, &template.param_names), (&new.components, &new.param_names));
    assert_eq!((&template.rejection_reason, &template.quality), (&new.rejection_reason, &new.quality));
    assert_eq!(read(&bench, tenant, template.id).await, template);
    assert_eq!(bench.store.template(tenant, TemplateId(999)).await.unwrap(), None);
}

async fn a_taken_name_and_language_names_its_owner(bench: Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let template = bench.template(tenant, new_template("promo")).await;
    let again = bench.store.create_template(tenant, new_template("promo"), at(1)).await.unwrap();
    assert_eq!(again, CreatedTemplate::Exists(template.id));
    bench.template(tenant, translated("promo", "de")).await;
    bench.template(tenant, NewTemplate { waba_id: "other".into(), ..new_template("promo") }).await;
    bench.template(other, new_template("promo")).await;
}

async fn of_fifty_who_make_the_same_template_one_does(bench: Bench) {
    let tenant = bench.tenant().await;
    let made = at_once(&bench.store, 50, |store, _| async move {
        store.create_template(tenant, new_template("promo"), at(0)).await.unwrap()
    })
    .await;
    assert_eq!(made.iter().filter(|made| matches!(made, CreatedTemplate::Created(_))).count(), 1);
}

async fn templates_are_found_by_name_on_the_account_of_a_connection(bench: Bench) {
    let tenant = bench.tenant().await;
    let connection = bench.connection(tenant).await.id;
    let elsewhere = NewConnection { waba_id: "other".into(), ..new_connection("9") };
    let elsewhere = bench.connect(tenant, elsewhere).await.id;
    let english = bench.template(tenant, new_template("promo")).await;
    let german = bench.template(tenant, translated("promo", "de")).await;
    bench.template(tenant, new_template("promo_2")).await;
    let named = async |connection, name, language| {
        let found = bench.store.templates_named(tenant, connection, name, language).await.unwrap();
        found.iter().map(|template| template.id).collect::<Vec<_>>()
    };
    assert_eq!(named(connection, "promo", None).await, [german.id, english.id]);
    assert_eq!(named(connection, "promo", Some("de")).await, [german.id]);
    assert_eq!(named(connection, "promo", Some("fr")).await, []);
    assert_eq!(named(elsewhere, "promo", None).await, []);
    assert_eq!(named(ConnectionId(999), "promo", None).await, []);
    assert!(bench.store.delete_template(tenant, german.id, at(1)).await.unwrap());
    assert_eq!(named(connection, "promo", None).await, [english.id]);
}

async fn templates_are_listed_by_name_and_language(bench: Bench) {
    let tenant = bench.tenant().await;
    for name in ["b", "a_2", "c", "a_10"] {
        for language in ["fr", "de", "en_US"] {
            bench.template(tenant, translated(name, language)).await;
        }
    }
    let store = &bench.store;
    let filter = &TemplateFilter::default();
    let all = walk(5, |paging| async move { store.templates(tenant, filter, &paging).await.unwrap() }).await;
    let keys: Vec<_> =
        all.iter().map(|template| (template.name.clone(), template.language.clone())).collect();
    assert_eq!(keys.len(), 12);
    assert!(keys.is_sorted());
    let second = bench.store.templates(tenant, filter, &crate::samples::by_page(2, 5)).await.unwrap();
    assert_eq!((second.items.as_slice(), second.total), (&all[5..10], 12));
}

async fn filters_hold_together(bench: Bench) {
    let tenant = bench.tenant().await;
    let marketing = NewTemplate { category: Category::Marketing, ..new_template("promo_offer") };
    let rejected = NewTemplate { status: Status::Rejected, ..translated("promo_spring", "de") };
    let elsewhere = NewTemplate { waba_id: "other".into(), ..new_template("order") };
    for new in [marketing, rejected, elsewhere] {
        bench.template(tenant, new).await;
    }
    let names = async |filter: TemplateFilter| {
        let page = bench.store.templates(tenant, &filter, &Paging::default()).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|template| template.name).collect::<Vec<_>>()
    };
    let all = TemplateFilter::default;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(names(all()).await, ["order", "promo_offer", "promo_spring"]);
    assert_eq!(
        names(TemplateFilter { search: text("PROMO"), ..all() }).await,
        ["promo_offer", "promo_spring"]
    );
    assert_eq!(names(TemplateFilter { search: text("o_o"), ..all() }).await, ["promo_offer"]);
    assert_eq!(names(TemplateFilter { status: Some(Status::Rejected), ..all() }).await, ["promo_spring"]);
    assert_eq!(names(TemplateFilter { category: Some(Category::Marketing), ..all() }).await, ["promo_offer"]);
    assert_eq!(names(TemplateFilter { language: text("de"), ..all() }).await, ["promo_spring"]);
    assert_eq!(names(TemplateFilter { waba_id: text("other"), ..all() }).await, ["order"]);
    let both = TemplateFilter { status: Some(Status::Approved), search: text("promo"), ..all() };
    assert_eq!(names(both).await, ["promo_offer"]);
    assert!(names(TemplateFilter { status: Some(Status::Deleted), ..all() }).await.is_empty());
}

async fn a_change_moves_the_version_and_leaves_the_rest(bench: Bench) {
    let tenant = bench.tenant().await;
    let before = bench.template(tenant, new_template("promo")).await;
    let update =
        async |patch| bench.store.update_template(tenant, before.id, patch, at(7)).await.unwrap().unwrap();
    let after = update(TemplatePatch {
        status: Some(Status::Rejected),
        rejection_reason: Some(Some("ABUSIVE_CONTENT".into())),
        param_names: Some(vec!["name".into()]),
        ..TemplatePatch::default()
    })
    .await;
    let expected = Template {
        status: Status::Rejected,
        rejection_reason: Some("ABUSIVE_CONTENT".into()),
        param_names: vec!["name".into()],
        version: 2,
        updated_at: at(7),
        ..before.clone()
    };
    assert_eq!(after, expected);
    let after = update(TemplatePatch {
        rejection_reason: Some(None),
        category: Some(Category::Marketing),
        components: Some(json!([])),
        ..TemplatePatch::default()
    })
    .await;
    assert_eq!((after.rejection_reason, after.category, after.version), (None, Category::Marketing, 3));
    assert_eq!(after.components, json!([]));
    let nobody = bench.store.update_template(tenant, TemplateId(999), TemplatePatch::default(), at(1)).await;
    assert_eq!(nobody.unwrap(), None);
}

async fn a_draft_is_removed_and_a_submitted_one_is_marked(bench: Bench) {
    let tenant = bench.tenant().await;
    let draft = NewTemplate { meta_id: None, status: Status::Draft, ..new_template("draft") };
    let draft = bench.template(tenant, draft).await.id;
    let submitted = bench.template(tenant, new_template("submitted")).await;
    for template in [draft, submitted.id] {
        assert!(bench.store.delete_template(tenant, template, at(5)).await.unwrap());
        assert!(!bench.store.delete_template(tenant, template, at(6)).await.unwrap());
    }
    assert_eq!(bench.store.template(tenant, draft).await.unwrap(), None);
    let marked = read(&bench, tenant, submitted.id).await;
    assert_eq!((marked.status, marked.version, marked.updated_at), (Status::Deleted, 2, at(5)));
    let listed = bench.store.templates(tenant, &TemplateFilter::default(), &Paging::default()).await.unwrap();
    assert_eq!(listed.total, 0);
    let filter = TemplateFilter { status: Some(Status::Deleted), ..TemplateFilter::default() };
    assert_eq!(bench.store.templates(tenant, &filter, &Paging::default()).await.unwrap().total, 1);
}

async fn the_name_of_a_deleted_template_is_free(bench: Bench) {
    let tenant = bench.tenant().await;
    let old = bench.template(tenant, new_template("promo")).await.id;
    bench.store.delete_template(tenant, old, at(5)).await.unwrap();
    let new = bench.template(tenant, new_template("promo")).await.id;
    assert_ne!(old, new);
    bench.store.delete_template(tenant, new, at(6)).await.unwrap();
    bench.template(tenant, new_template("promo")).await;
}

async fn a_sync_adds_updates_and_leaves_alone(bench: Bench) {
    let tenant = bench.tenant().await;
    let mut rows = vec![new_template("a"), new_template("b"), new_template("c")];
    assert_eq!(sync(&bench, tenant, &rows, 1).await, (3, 0, 0));
    assert_eq!(sync(&bench, tenant, &rows, 2).await, (0, 0, 3));
    let all =
        bench.store.templates(tenant, &TemplateFilter::default(), &Paging::default()).await.unwrap().items;
    assert!(all.iter().all(|template| template.version == 1 && template.updated_at == at(1)));
    let named = TemplatePatch { param_names: Some(vec!["who".into()]), ..TemplatePatch::default() };
    bench.store.update_template(tenant, all[0].id, named, at(3)).await.unwrap();
    rows[0].status = Status::Paused;
    rows[0].quality = Some("RED".into());
    rows.push(new_template("d"));
    assert_eq!(sync(&bench, tenant, &rows, 4).await, (1, 1, 2));
    let a = read(&bench, tenant, all[0].id).await;
    assert_eq!((a.status, a.quality.as_deref(), a.version), (Status::Paused, Some("RED"), 3));
    assert_eq!((a.param_names, a.updated_at, a.created_at), (vec!["who".to_owned()], at(4), at(1)));
    assert_eq!(read(&bench, tenant, all[1].id).await, all[1]);
    assert_eq!(sync(&bench, tenant, &[], 5).await, (0, 0, 0));
}

async fn a_sync_finds_a_template_that_meta_gave_no_id_yet_by_its_name(bench: Bench) {
    let tenant = bench.tenant().await;
    let pending = NewTemplate {
        meta_id: None,
        status: Status::Pending,
        param_names: vec!["name".into()],
        ..new_template("promo")
    };
    let before = bench.template(tenant, pending).await;
    assert_eq!(sync(&bench, tenant, &[new_template("promo")], 1).await, (0, 1, 0));
    let after = read(&bench, tenant, before.id).await;
    assert_eq!((after.status, after.meta_id.as_deref()), (Status::Approved, Some("meta-promo")));
    assert_eq!(after.param_names, ["name"]);
    let renewed = NewTemplate { meta_id: Some("meta-2".into()), ..new_template("promo") };
    assert_eq!(sync(&bench, tenant, &[renewed], 2).await, (0, 1, 0));
    assert_eq!(read(&bench, tenant, before.id).await.meta_id.as_deref(), Some("meta-2"));
}

async fn a_sync_keeps_what_meta_leaves_out(bench: Bench) {
    let tenant = bench.tenant().await;
    let before =
        bench.template(tenant, NewTemplate { quality: Some("GREEN".into()), ..new_template("a") }).await;
    let listed = NewTemplate { quality: None, meta_id: None, ..new_template("a") };
    assert_eq!(sync(&bench, tenant, std::slice::from_ref(&listed), 1).await, (0, 0, 1));
    let rejected = NewTemplate {
        status: Status::Rejected,
        rejection_reason: Some("PROMOTIONAL".into()),
        ..listed.clone()
    };
    assert_eq!(sync(&bench, tenant, &[rejected], 2).await, (0, 1, 0));
    let after = read(&bench, tenant, before.id).await;
    assert_eq!((after.quality.as_deref(), after.meta_id.as_deref()), (Some("GREEN"), Some("meta-a")));
    assert_eq!(after.rejection_reason.as_deref(), Some("PROMOTIONAL"));
    assert_eq!(sync(&bench, tenant, &[listed], 3).await, (0, 1, 0));
    assert_eq!(read(&bench, tenant, before.id).await.rejection_reason, None);
}

async fn a_sync_brings_back_what_was_deleted_unless_its_name_is_in_use(bench: Bench) {
    let tenant = bench.tenant().await;
    let old = bench.template(tenant, new_template("promo")).await.id;
    bench.store.delete_template(tenant, old, at(1)).await.unwrap();
    assert_eq!(sync(&bench, tenant, &[new_template("promo")], 2).await, (0, 1, 0));
    assert_eq!(read(&bench, tenant, old).await.status, Status::Approved);
    bench.store.delete_template(tenant, old, at(3)).await.unwrap();
    let new = bench.template(tenant, NewTemplate { meta_id: None, ..new_template("promo") }).await.id;
    assert_eq!(sync(&bench, tenant, &[new_template("promo")], 4).await, (0, 1, 0));
    assert_eq!(read(&bench, tenant, old).await.status, Status::Deleted);
    assert_eq!(read(&bench, tenant, new).await.meta_id.as_deref(), Some("meta-promo"));
    let another = NewTemplate { meta_id: Some("meta-new".into()), ..new_template("other") };
    assert_eq!(sync(&bench, tenant, &[new_template("promo"), another], 5).await, (1, 0, 1));
}

async fn syncs_at_once_add_nothing_twice(bench: Bench) {
    let tenant = bench.tenant().await;
    let rows: Vec<_> = (0..30).map(|number| new_template(&format!("t{number}"))).collect();
    let counts = at_once(&bench.store, 10, |store, _| {
        let rows = rows.clone();
        async move { store.sync_templates(tenant, rows, at(1)).await.unwrap() }
    })
    .await;
    assert_eq!(counts.iter().map(|counts: &SyncCounts| counts.added).sum::<u64>(), 30);
    assert_eq!(counts.iter().map(|counts| counts.unchanged).sum::<u64>(), 270);
    let all = bench.store.templates(tenant, &TemplateFilter::default(), &Paging::default()).await.unwrap();
    assert_eq!(all.total, 30);
}

async fn what_is_missing_in_the_list_is_deleted(bench: Bench) {
    let tenant = bench.tenant().await;
    let kept = bench.template(tenant, new_template("kept")).await.id;
    let gone = bench.template(tenant, new_template("gone")).await.id;
    let draft = NewTemplate { meta_id: None, status: Status::Draft, ..new_template("draft") };
    let draft = bench.template(tenant, draft).await.id;
    let elsewhere = NewTemplate { waba_id: "other".into(), ..new_template("elsewhere") };
    let elsewhere = bench.template(tenant, elsewhere).await.id;
    let listed = ["meta-kept".to_owned(), "it's \"new\"".to_owned()];
    let remove =
        async |second| bench.store.remove_templates_missing(tenant, WABA, &listed, at(second)).await.unwrap();
    assert_eq!(remove(-1).await, 0, "made after the list was read");
    assert_eq!(remove(5).await, 1);
    assert_eq!(remove(6).await, 0);
    let deleted = read(&bench, tenant, gone).await;
    assert_eq!((deleted.status, deleted.version), (Status::Deleted, 2));
    assert_eq!(read(&bench, tenant, kept).await.version, 1);
    assert_eq!(read(&bench, tenant, draft).await.status, Status::Draft);
    assert_eq!(read(&bench, tenant, elsewhere).await.status, Status::Approved);
    assert_eq!(bench.store.remove_templates_missing(tenant, WABA, &[], at(7)).await.unwrap(), 1);
}
