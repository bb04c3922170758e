//! The book of all accounts, with an index for each lookup of the sending path.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{App, Phone, Subscription, Token, Waba};
use crate::config::{AccountConfig, PhoneConfig};

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    apps: Vec<App>,
    wabas: Vec<Waba>,
    phones: Vec<Phone>,
    phone_by_id: HashMap<String, usize>,
    tokens: HashMap<String, Token>,
}

impl Accounts {
    pub(crate) fn of(configs: &[AccountConfig], now: Timestamp) -> Self {
        let mut book = Self::default();
        for config in configs {
            book.add(config, now);
        }
        book
    }

    /// Adds an account; what exists already under its id is kept.
    pub(crate) fn add(&mut self, config: &AccountConfig, now: Timestamp) {
        if self.app(&config.app_id).is_none() {
            self.apps.push(App {
                id: config.app_id.clone(),
                name: config.app_name.clone(),
                secret: config.app_secret.clone(),
                callback_url: config.callback_url.clone(),
                verify_token: config.verify_token.clone(),
                fields: Vec::new(),
            });
        }
        if self.waba(&config.waba_id).is_none() {
            self.wabas.push(Waba {
                id: config.waba_id.clone(),
                name: config.waba_name.clone(),
                business_id: config.business_id.clone(),
                tier: config.tier.clone(),
                subscriptions: vec![Subscription { app_id: config.app_id.clone(), override_callback: None }],
                no_marketing_on_cloud_api: false,
                health_errors: Vec::new(),
                health: "AVAILABLE".into(),
            });
        }
        for phone in &config.phones {
            self.add_phone(&config.waba_id, phone, now);
        }
        let mut token = Token::system_user(&config.token, &config.app_id, &config.waba_id, now);
        token.expires_at = config.token_expires_at;
        match self.tokens.get_mut(&config.token) {
            Some(known) => known.wabas.push(config.waba_id.clone()),
            None => self.put_token(token),
        }
    }

    pub(crate) fn add_phone(&mut self, waba_id: &str, config: &PhoneConfig, now: Timestamp) {
        if self.phone(&config.id).is_none() {
            let index = self.phones.len();
            self.phone_by_id.insert(config.id.clone(), index);
            self.phones.push(Phone::new(index as u32, waba_id, config, now));
        }
    }

    pub(crate) fn app(&self, id: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.id == id)
    }

    pub(crate) fn app_mut(&mut self, id: &str) -> Option<&mut App> {
        self.apps.iter_mut().find(|app| app.id == id)
    }

    pub(crate) fn apps(&self) -> &[App] {
        &self.apps
    }

    pub(crate) fn waba(&self, id: &str) -> Option<&Waba> {
        self.wabas.iter().find(|waba| waba.id == id)
    }

    pub(crate) fn waba_mut(&mut self, id: &str) -> Option<&mut Waba> {
        self.wabas.iter_mut().find(|waba| waba.id == id)
    }

    pub(crate) fn wabas(&self) -> &[Waba] {
        &self.wabas
    }

    pub(crate) fn phone(&self, id: &str) -> Option<&Phone> {
        self.phone_by_id.get(id).and_then(|&at| self.phones.get(at))
    }

    pub(crate) fn phone_mut(&mut self, id: &str) -> Option<&mut Phone> {
        self.phone_by_id.get(id).and_then(|&at| self.phones.get_mut(at))
    }

    pub(crate) fn phone_at(&self, index: u32) -> Option<&Phone> {
        self.phones.get(index as usize)
    }

    pub(crate) fn phones(&self) -> &[Phone] {
        &self.phones
    }

    pub(crate) fn token(&self, value: &str) -> Option<&Token> {
        self.tokens.get(value)
    }

    pub(crate) fn tokens_mut(&mut self) -> impl Iterator<Item = &mut Token> {
        self.tokens.values_mut()
    }

    pub(crate) fn put_token(&mut self, token: Token) {
        self.tokens.insert(token.value.clone(), token);
    }

    /// A phone node with its portfolio's tier and its app's callback filled in.
    pub(crate) fn phone_node(&self, phone: &Phone) -> Value {
        let waba = self.waba(&phone.waba_id);
        let tier = waba.map_or("TIER_250", |waba| waba.tier.as_str());
        let app = waba.and_then(|waba| waba.subscriptions.first()).and_then(|sub| self.app(&sub.app_id));
        phone.node(tier, app.and_then(|app| app.callback_url.as_deref()))
    }

    /// All accounts as `GET /_sim/state` shows them.
    pub(crate) fn overview(&self) -> Value {
        json!({
            "apps": self.apps.iter().map(|app| json!({
                "id": app.id, "name": app.name, "callback_url": app.callback_url, "fields": app.fields,
            })).collect::<Vec<_>>(),
            "wabas": self.wabas.iter().map(|waba| json!({
                "id": waba.id, "name": waba.name, "business_id": waba.business_id, "tier": waba.tier,
                "subscribed_apps": waba.subscriptions.iter().map(|sub| json!({
                    "app_id": sub.app_id, "override_callback_uri": sub.override_callback,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "phones": self.phones.iter().map(|phone| json!({
                "id": phone.id, "waba_id": phone.waba_id, "display_phone_number": phone.display,
                "status": phone.status, "throughput": phone.throughput, "override_callback_uri": phone.override_callback,
            })).collect::<Vec<_>>(),
        })
    }
}
