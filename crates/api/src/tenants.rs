//! The tenant's own settings.

pub(crate) mod operator;

use api_types::errors::details::Missing;
use api_types::tenants::{InDoubtRuling, Tenant, TenantSettings, UpdateTenantSettings};
use api_types::{Problem, Success};
use axum::extract::State;
use domain::TenantId;
use engine::tenants::{SettingsPatch, TenantError, Tenants};

use crate::answer::{Answer, Result, ok};
use crate::body::Json;
use crate::caller::{Caller, needs};
use crate::error::ApiError;
use crate::routing::{Routes, routes};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get_settings, update_settings))
}

/// The tenant and what it chose.
#[utoipa::path(get, path = "/settings", tag = "tenants",
    responses((status = 200, body = Success<Tenant>)),
    extensions(("x-required-permission" = json!("settings_read"))))]
async fn get_settings(
    caller: Caller<needs::SettingsRead>,
    State(tenants): State<Tenants>,
) -> Result<Answer<Tenant>> {
    let found = tenants.get(caller.tenant).await.map_err(failed(caller.tenant))?;
    Ok(ok(body(found)))
}

/// Changes what the tenant chose.
#[utoipa::path(patch, path = "/settings", tag = "tenants", request_body = UpdateTenantSettings,
    responses((status = 200, body = Success<Tenant>)),
    extensions(("x-required-permission" = json!("settings_manage"))))]
async fn update_settings(
    caller: Caller<needs::SettingsManage>,
    State(tenants): State<Tenants>,
    Json(wanted): Json<UpdateTenantSettings>,
) -> Result<Answer<Tenant>> {
    let changed =
        tenants.patch_settings(caller.tenant, patch(wanted)).await.map_err(failed(caller.tenant))?;
    Ok(ok(body(changed)))
}

fn patch(wanted: UpdateTenantSettings) -> SettingsPatch {
    SettingsPatch {
        opt_out_words: wanted.opt_out_words,
        opt_in_words: wanted.opt_in_words,
        opt_out_confirmation: wanted.opt_out_confirmation.into_option(),
        opt_in_confirmation: wanted.opt_in_confirmation.into_option(),
        default_country: wanted.default_country.into_option(),
        in_doubt_after_seconds: wanted.in_doubt_after_seconds,
        in_doubt_ruling: wanted.in_doubt_ruling.map(|ruling| match ruling {
            InDoubtRuling::Fail => ports::tenants::InDoubtRuling::Fail,
            InDoubtRuling::Wait => ports::tenants::InDoubtRuling::Wait,
        }),
        languages: wanted.languages,
        time_zone: wanted.time_zone.into_option(),
        quiet_hours: wanted.quiet_hours.into_option().map(|hours| hours.map(Into::into)),
        frequency_cap: wanted.frequency_cap.into_option().map(|cap| cap.map(Into::into)),
    }
}

fn body(tenant: ports::tenants::Tenant) -> Tenant {
    let settings = tenant.settings;
    Tenant {
        id: tenant.id.0,
        name: tenant.name,
        settings: TenantSettings {
            opt_out_words: settings.opt_out_words,
            opt_in_words: settings.opt_in_words,
            opt_out_confirmation: settings.opt_out_confirmation,
            opt_in_confirmation: settings.opt_in_confirmation,
            default_country: settings.default_country,
            in_doubt_after_seconds: settings.in_doubt_after_seconds,
            in_doubt_ruling: match settings.in_doubt_ruling {
                ports::tenants::InDoubtRuling::Fail => InDoubtRuling::Fail,
                ports::tenants::InDoubtRuling::Wait => InDoubtRuling::Wait,
            },
            languages: settings.languages,
            time_zone: settings.time_zone,
            quiet_hours: settings.quiet_hours.map(Into::into),
            frequency_cap: settings.frequency_cap.map(Into::into),
        },
        created_at: tenant.created_at,
    }
}

fn failed(tenant: TenantId) -> impl FnOnce(TenantError) -> ApiError {
    move |error| match error {
        TenantError::NotFound => Problem::TenantNotFound(Missing { id: tenant.0 }).into(),
        TenantError::Invalid(faults) => faults.into(),
        TenantError::Store(error) => error.into(),
    }
}
