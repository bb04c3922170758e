//! The contract, verb by verb, handed to the columns.

use async_trait::async_trait;
use bytes::Bytes;
use ports::gateway::{
    AcceptedByMeta, Access, ByteStream, GatewayError, MediaLocation, MetaGateway, MetaTemplatePage,
    NumberFacts, Outgoing, Submitted, TemplateSubmission, TokenFacts,
};
use secrecy::SecretString;

use crate::client::MetaClient;

#[async_trait]
impl MetaGateway for MetaClient {
    async fn refused_address(&self, graph_url: &str) -> Option<String> {
        self.guard.refuses(graph_url).await.map(|refused| refused.to_string())
    }

    async fn send(&self, access: &Access, message: &Outgoing) -> Result<AcceptedByMeta, GatewayError> {
        self.send_message(access, message).await
    }

    async fn mark_read(&self, access: &Access, wamid: &str, typing: bool) -> Result<(), GatewayError> {
        self.read_receipt(access, wamid, typing).await
    }

    async fn create_template(
        &self,
        access: &Access,
        template: &TemplateSubmission,
    ) -> Result<Submitted, GatewayError> {
        self.submit_template(access, template).await
    }

    async fn edit_template(
        &self,
        access: &Access,
        meta_id: &str,
        template: &TemplateSubmission,
    ) -> Result<(), GatewayError> {
        self.resubmit_template(access, meta_id, template).await
    }

    async fn delete_template(&self, access: &Access, meta_id: &str, name: &str) -> Result<(), GatewayError> {
        self.remove_template(access, meta_id, name).await
    }

    async fn list_templates(
        &self,
        access: &Access,
        after: Option<&str>,
    ) -> Result<MetaTemplatePage, GatewayError> {
        self.page_of_templates(access, after).await
    }

    async fn upload_media(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        size: u64,
        bytes: ByteStream,
    ) -> Result<String, GatewayError> {
        self.upload(access, mime_type, filename, size, bytes).await
    }

    async fn upload_sample(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Result<String, GatewayError> {
        self.upload_for_sample(access, mime_type, filename, bytes).await
    }

    async fn locate_media(&self, access: &Access, meta_id: &str) -> Result<MediaLocation, GatewayError> {
        self.location_of(access, meta_id).await
    }

    async fn fetch_media(
        &self,
        access: &Access,
        location: &MediaLocation,
    ) -> Result<ByteStream, GatewayError> {
        self.download(access, location).await
    }

    async fn debug_token(&self, access: &Access) -> Result<TokenFacts, GatewayError> {
        self.token_facts(access).await
    }

    async fn number(&self, access: &Access) -> Result<NumberFacts, GatewayError> {
        self.number_facts(access).await
    }

    async fn account_numbers(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        self.numbers_of_account(access).await
    }

    async fn subscribed_apps(&self, access: &Access) -> Result<Vec<String>, GatewayError> {
        self.apps_of_account(access).await
    }

    async fn subscribe_app(
        &self,
        access: &Access,
        callback: Option<(&str, &SecretString)>,
    ) -> Result<(), GatewayError> {
        self.subscribe(access, callback).await
    }
}
