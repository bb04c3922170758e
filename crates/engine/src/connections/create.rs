//! Making a connection: Meta is asked about token and number at once; that Meta cannot be reached does not stop it.

use domain::pacing::Rate;
use domain::{ConnectionId, TenantId, Timestamp};
use ports::connections::{Connection, ConnectionSecrets, CreatedConnection, NewConnection};
use ports::gateway::Access;
use secrecy::SecretString;

use super::facts::{Facts, Unfit};
use super::{ConnectionError, Connections, shape};
use crate::faults::Faults;

/// A connection to be made.
#[derive(Debug, Clone)]
pub struct CreateConnection {
    pub name: String,
    pub phone_number_id: String,
    pub waba_id: String,
    /// `None`: the token's app, when Meta tells it.
    pub app_id: Option<String>,
    pub access_token: SecretString,
    pub app_secret: SecretString,
    /// `None`: a random one is made.
    pub verify_token: Option<SecretString>,
    /// `None`: what Meta allows the number.
    pub rate: Option<Rate>,
    /// `None`: Meta's own.
    pub graph_url: Option<String>,
    pub is_default: bool,
}

/// A connection that was made.
#[derive(Debug, Clone)]
pub struct Made {
    pub connection: Connection,
    /// The verify token that was made for it, shown this once.
    pub verify_token: Option<SecretString>,
    /// What could not be checked, or should be looked at.
    pub warnings: Vec<String>,
}

impl Connections {
    /// Makes a connection.
    ///
    /// # Errors
    /// [`ConnectionError::Invalid`] with every fault (also when Meta is sure that token or number are wrong),
    /// [`ConnectionError::Exists`], or the store's.
    pub async fn create(&self, tenant: TenantId, wanted: CreateConnection) -> Result<Made, ConnectionError> {
        let mut faults = shape::create(&wanted);
        self.judge_address(wanted.graph_url.as_deref(), &mut faults).await;
        faults.check()?;
        self.not_twice(tenant, &wanted.phone_number_id).await?;
        let graph_url = shape::without_slash(wanted.graph_url.as_deref().unwrap_or(shape::GRAPH_URL));
        let access = Access {
            graph_url: graph_url.clone(),
            phone_number_id: wanted.phone_number_id.clone(),
            waba_id: wanted.waba_id.clone(),
            app_id: wanted.app_id.clone(),
            token: wanted.access_token.clone(),
        };
        let facts = Facts::read(self.deps.gateway.as_ref(), &access).await;
        match facts.unfit() {
            Some(Unfit::Token(why)) => return Err(at("/access_token", &why)),
            Some(Unfit::Number(why)) => return Err(at("/phone_number_id", &why)),
            None => {}
        }
        let made_token = wanted.verify_token.is_none().then(|| self.random_token());
        let with_rate = wanted.rate.is_none();
        let new = new_connection(wanted, graph_url, made_token.clone(), &facts, self.deps.clock.now());
        let connection = match self.deps.store.create_connection(tenant, new).await? {
            CreatedConnection::Created(connection) => connection,
            CreatedConnection::Exists(id) => return Err(ConnectionError::Exists(id)),
        };
        let mut patch = facts.patch(with_rate);
        if connection.app_id.is_some() {
            patch.app_id = None;
        }
        let connection = self.change(tenant, connection.id, patch).await?;
        (self.wake)(connection.id);
        Ok(Made { connection, verify_token: made_token, warnings: facts.warnings() })
    }

    /// Told before Meta is asked, so that a second click costs no call; the store is still the judge.
    async fn not_twice(&self, tenant: TenantId, phone_number_id: &str) -> Result<(), ConnectionError> {
        let known: Option<ConnectionId> = self
            .deps
            .store
            .connections(tenant)
            .await?
            .into_iter()
            .find_map(|known| (known.phone_number_id == phone_number_id).then_some(known.id));
        known.map_or(Ok(()), |id| Err(ConnectionError::Exists(Some(id))))
    }

    fn random_token(&self) -> SecretString {
        let mut bytes = [0u8; 24];
        self.deps.entropy.fill(&mut bytes);
        hex::encode(bytes).into()
    }
}

fn new_connection(
    wanted: CreateConnection,
    graph_url: String,
    made_token: Option<SecretString>,
    facts: &Facts,
    at: Timestamp,
) -> NewConnection {
    let verify_token = wanted.verify_token.or(made_token).expect("a verify token is made when none is given");
    NewConnection {
        name: wanted.name.trim().to_owned(),
        phone_number_id: wanted.phone_number_id,
        waba_id: wanted.waba_id,
        app_id: wanted.app_id,
        display_phone_number: facts
            .number
            .as_ref()
            .ok()
            .and_then(|number| number.display_phone_number.clone()),
        secrets: ConnectionSecrets {
            access_token: wanted.access_token,
            app_secret: wanted.app_secret,
            verify_token,
        },
        rate: wanted.rate.unwrap_or_default(),
        graph_url,
        token_expires_at: facts.token.as_ref().ok().and_then(|token| token.expires_at),
        is_default: wanted.is_default,
        at,
    }
}

fn at(pointer: &str, why: &str) -> ConnectionError {
    ConnectionError::Invalid(Faults::one(pointer, format!("Meta does not accept it: {why}")))
}
