//! What Meta knows of a connection: its token, its number, its account, its app.

use domain::Timestamp;
use graph::accounts::Account;
use graph::errors::GraphError;
use graph::health::HealthStatus;
use graph::paging::{Page, Success};
use graph::phone_numbers::PhoneNumber;
use graph::subscribed_apps::SubscribedApp;
use graph::token::{DebugToken, TokenInfo};
use ports::gateway::{Access, GatewayError, NumberFacts, TokenFacts};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::client::{MetaClient, address};

const NUMBER_FIELDS: &str = "id,display_phone_number,verified_name,quality_rating,status,throughput,\
    whatsapp_business_manager_messaging_limit,health_status";
/// Pages of numbers that are read at most; an account has 20 numbers, rarely more.
const PAGES: usize = 50;
/// Meta's code for a token that is not valid.
const TOKEN_INVALID: i64 = 190;

impl MetaClient {
    /// The token describes itself; a token that Meta no longer takes is told by the refusal.
    pub(crate) async fn token_facts(&self, access: &Access) -> Result<TokenFacts, GatewayError> {
        let url = address(access, &["debug_token"])?;
        let query = [("input_token", access.token.expose_secret())];
        match self.get::<DebugToken>(access, url, &query).await {
            Ok(reply) => Ok(facts(reply.data)),
            Err(GatewayError::Refused(refusal)) if refusal.code == TOKEN_INVALID => Ok(TokenFacts {
                is_valid: false,
                app_id: None,
                expires_at: None,
                scopes: Vec::new(),
                problem: Some(format!("{} {}", refusal.message, refusal.advice)),
            }),
            Err(fault) => Err(fault),
        }
    }

    pub(crate) async fn number_facts(&self, access: &Access) -> Result<NumberFacts, GatewayError> {
        let url = address(access, &[&access.phone_number_id])?;
        let number = self.get::<PhoneNumber>(access, url, &[("fields", NUMBER_FIELDS)]);
        let (number, business_id) = tokio::join!(number, self.owner_of_account(access));
        let number = number?;
        let messaging_limit = number.messaging_limit().map(str::to_owned);
        let health = number.health_status;
        Ok(NumberFacts {
            display_phone_number: number.display_phone_number,
            verified_name: number.verified_name,
            quality_rating: number.quality_rating,
            status: number.status,
            throughput: number.throughput.map(|throughput| throughput.level),
            messaging_limit,
            business_id,
            health_problems: health.as_ref().map(problems).unwrap_or_default(),
            can_send: health.and_then(|health| health.can_send_message),
        })
    }

    /// Nothing depends on it but how numbers of several accounts share a limit, so that no fault of it is one of the number.
    async fn owner_of_account(&self, access: &Access) -> Option<String> {
        let url = address(access, &[&access.waba_id]).ok()?;
        let asked = self.get::<Account>(access, url, &[("fields", "owner_business_info")]).await;
        let account =
            asked.inspect_err(|error| tracing::debug!(%error, "the owner of an account was not told"));
        account.ok()?.owner_business_info?.id
    }

    pub(crate) async fn numbers_of_account(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        let url = address(access, &[&access.waba_id, "phone_numbers"])?;
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![("fields", "id"), ("limit", "100")];
            query.extend(after.as_deref().map(|cursor| ("after", cursor)));
            let page: Page<PhoneNumber> = self.get(access, url.clone(), &query).await?;
            after = page.after().map(str::to_owned);
            ids.extend(page.data.into_iter().filter_map(|number| number.id));
            if after.is_none() {
                break;
            }
        }
        Ok(ids)
    }

    pub(crate) async fn apps_of_account(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        let url = address(access, &[&access.waba_id, "subscribed_apps"])?;
        let page: Page<SubscribedApp> = self.get(access, url, &[]).await?;
        Ok(page.data.into_iter().filter_map(|app| app.whatsapp_business_api_data.id).collect())
    }

    pub(crate) async fn subscribe(
        &self,
        access: &Access,
        callback: Option<(&str, &SecretString)>,
    ) -> Result<(), GatewayError> {
        let url = address(access, &[&access.waba_id, "subscribed_apps"])?;
        let body = callback.map_or_else(
            || json!({}),
            |(url, token)| json!({"override_callback_uri": url, "verify_token": token.expose_secret()}),
        );
        self.post::<Success>(access, url, &body).await.map(drop)
    }
}

fn facts(token: TokenInfo) -> TokenFacts {
    let expires_at = token.expiry().and_then(|at| Timestamp::from_second(at).ok());
    let problem = token.error.map(|error| {
        let facts = GraphError {
            code: error.code.unwrap_or(TOKEN_INVALID),
            subcode: error.subcode,
            ..GraphError::default()
        }
        .facts();
        format!("{} {}", error.message.unwrap_or_default(), facts.advice).trim().to_owned()
    });
    TokenFacts {
        is_valid: token.is_valid.unwrap_or(false),
        app_id: token.app_id,
        expires_at,
        scopes: token.scopes,
        problem,
    }
}

fn problems(health: &HealthStatus) -> Vec<String> {
    let mut problems = Vec::new();
    for entity in &health.entities {
        let what = entity.entity_type.as_deref().unwrap_or("entity");
        for error in &entity.errors {
            let parts = [&error.error_description, &error.possible_solution];
            let text: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
            problems.push(format!("{what}: ({}) {}", error.error_code.unwrap_or_default(), text.join(" ")));
        }
        problems.extend(entity.additional_info.iter().map(|info| format!("{what}: {info}")));
    }
    problems
}
