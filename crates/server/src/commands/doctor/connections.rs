//! Every number, asked about at Meta, and what waits to be looked at.

use domain::TenantId;
use domain::connections::ConnectionState;
use engine::connections::Finding as Seen;
use ports::connections::Connection;

use super::Finding;
use crate::node::Node;

pub(super) async fn look(node: &Node, offline: bool) -> Vec<Finding> {
    let tenants = match node.engine.tenants.list().await {
        Ok(tenants) => tenants,
        Err(error) => {
            return vec![Finding::failed("tenants", error.to_string(), "Look at the database's own log.")];
        }
    };
    if tenants.is_empty() {
        let advice = "Type: waxwing tenant create --name NAME";
        return vec![Finding::warning("tenants", "there is none", advice)];
    }
    let mut findings = Vec::new();
    for tenant in tenants {
        findings.extend(inbox(node, tenant.id).await);
        match node.engine.connections.list(tenant.id).await {
            Err(error) => findings.push(Finding::failed(
                "connections",
                error.to_string(),
                "Look at the database's log.",
            )),
            Ok(connections) => {
                for connection in connections {
                    let what = format!("tenant {}, number \"{}\"", tenant.id, connection.name);
                    if offline {
                        findings.push(as_kept(what, &connection));
                    } else {
                        findings.extend(diagnose(node, tenant.id, connection.id, &what).await);
                    }
                }
            }
        }
    }
    findings
}

/// Without asking Meta.
fn as_kept(what: String, connection: &Connection) -> Finding {
    let why = connection.state_reason.as_deref().unwrap_or("no reason is known");
    match connection.state {
        ConnectionState::Active => {
            let end = connection.token_expires_at;
            let end = end.map_or_else(String::new, |end| format!(", its token ends at {end}"));
            Finding::good(what, format!("active{end}"))
        }
        ConnectionState::Disabled => {
            Finding::warning(what, format!("disabled: {why}"), "Enable it when it is to send again.")
        }
        ConnectionState::Error => Finding::failed(
            what,
            format!("stands still: {why}"),
            "Reconnect it (POST …/connections/ID/reconnect) with a token that is good.",
        ),
    }
}

async fn diagnose(
    node: &Node,
    tenant: TenantId,
    connection: domain::ConnectionId,
    what: &str,
) -> Vec<Finding> {
    let diagnosis = match node.engine.connections.diagnose(tenant, connection).await {
        Ok(diagnosis) => diagnosis,
        Err(error) => return vec![Finding::failed(what, error.to_string(), "Try again later.")],
    };
    let finding = |check: engine::connections::Check| {
        let what = format!("{what}, {}", check.name.replace('_', " "));
        let advice = check.what_to_do.unwrap_or_default();
        match check.finding {
            Seen::Passed => Finding::good(what, check.detail),
            Seen::Warning => Finding::warning(what, check.detail, advice),
            Seen::Failed => Finding::failed(what, check.detail, advice),
        }
    };
    diagnosis.checks.into_iter().map(finding).collect()
}

async fn inbox(node: &Node, tenant: TenantId) -> Option<Finding> {
    let what = format!("tenant {tenant}, webhooks");
    match node.engine.webhooks.stats(tenant).await {
        Err(error) => Some(Finding::failed(what, error.to_string(), "Look at the database's own log.")),
        Ok(stats) if stats.poison > 0 => Some(Finding::warning(
            what,
            format!("{} item(s) could not be applied", stats.poison),
            format!("Type: waxwing webhooks retry --tenant {tenant}"),
        )),
        Ok(stats) => Some(Finding::good(what, format!("{} wait", stats.pending))),
    }
}
