//! Lists: cursors, filters, summary.

use serde_json::{Value, json};

use crate::support::{World, code, items};

async fn world() -> World {
    let world = World::start().await;
    for at in 0..7 {
        let status = if at % 2 == 0 { "APPROVED" } else { "REJECTED" };
        let template = json!({"name": format!("t_{at}"), "language": if at == 3 { "de" } else { "en_US" }, "status": status,
            "category": if at < 3 { "MARKETING" } else { "UTILITY" }, "components": [{"type": "BODY", "text": format!("Text number {at}")}]});
        world.sim.put_template(&template).unwrap();
    }
    world
}

fn names(page: &Value) -> Vec<String> {
    items(&page["data"]).iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

async fn list(world: &World, query: &str) -> Value {
    let (status, page) =
        world.graph("GET", &format!("{}/message_templates?{query}", world.account.waba_id), None).await;
    assert_eq!(status, 200, "{page}");
    page
}

#[tokio::test]
async fn following_next_finds_every_template_once() {
    let world = world().await;
    let mut page = list(&world, "limit=3").await;
    let mut all = names(&page);
    while let Some(next) = page["paging"]["next"].as_str().map(ToOwned::to_owned) {
        page = world
            .http
            .get(&next)
            .bearer_auth(&world.account.token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        all.extend(names(&page));
    }
    assert_eq!(all, ["t_6", "t_5", "t_4", "t_3", "t_2", "t_1", "t_0"]);
    let before = page["paging"]["cursors"]["before"].as_str().unwrap();
    let back = list(&world, &format!("limit=3&before={before}")).await;
    assert_eq!(names(&back), ["t_3", "t_2", "t_1"]);
}

#[tokio::test]
async fn a_bad_cursor_is_131059() {
    let world = world().await;
    let (_, answer) = world
        .graph("GET", &format!("{}/message_templates?after=nonsense", world.account.waba_id), None)
        .await;
    assert_eq!(code(&answer), 131059);
    let page = list(&world, "limit=1").await;
    let cursor = page["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
    world.graph("DELETE", &format!("{}/message_templates?name=t_6", world.account.waba_id), None).await;
    let (_, answer) = world
        .graph("GET", &format!("{}/message_templates?after={cursor}", world.account.waba_id), None)
        .await;
    assert_eq!(code(&answer), 131059, "its template is gone");
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let world = world().await;
    assert_eq!(names(&list(&world, "name=t_4").await), ["t_4"]);
    assert_eq!(names(&list(&world, "name_or_content=number%205").await), ["t_5"]);
    assert_eq!(names(&list(&world, "language=de").await), ["t_3"]);
    assert_eq!(names(&list(&world, "category=MARKETING&status=APPROVED").await), ["t_2", "t_0"]);
    assert_eq!(names(&list(&world, "status=[\"REJECTED\"]&limit=2").await), ["t_5", "t_3"]);
    assert!(names(&list(&world, "quality_score=RED").await).is_empty());
    let page = list(&world, "status=REJECTED&summary=total_count,message_template_limit").await;
    assert_eq!(page["summary"], json!({"total_count": 3, "message_template_limit": 6000}));
}

#[tokio::test]
async fn fields_choose_what_is_shown() {
    let world = world().await;
    let page = list(&world, "fields=name,quality_score&limit=1").await;
    let keys: Vec<&String> = page["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "quality_score", "id"]);
}
