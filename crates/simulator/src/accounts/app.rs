//! A Meta app: its secret signs webhooks, its callback receives them.

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: String,
    pub(crate) callback_url: Option<String>,
    pub(crate) verify_token: String,
    /// Subscribed fields; empty means all.
    pub(crate) fields: Vec<String>,
}

impl App {
    pub(crate) fn wants(&self, field: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|known| known == field)
    }
}
