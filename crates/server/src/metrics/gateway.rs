//! The way to Meta, with every call counted and timed.

use async_trait::async_trait;
use bytes::Bytes;
use engine::telemetry::outcome_of;
use gateway_meta::MetaClient;
use ports::gateway::{
    AcceptedByMeta, Access, ByteStream, GatewayError, MediaLocation, MetaGateway, MetaTemplatePage,
    NumberFacts, Outgoing, Submitted, TemplateSubmission, TokenFacts,
};
use secrecy::SecretString;
use tokio::time::Instant;

type Answer<T> = Result<T, GatewayError>;

/// Counts what the client does.
#[derive(Debug)]
pub(crate) struct CountedGateway(pub(crate) MetaClient);

async fn counted<T>(call: &'static str, asked: impl Future<Output = Answer<T>>) -> Answer<T> {
    let began = Instant::now();
    let answer = asked.await;
    let outcome = outcome_of(&answer);
    let took = began.elapsed().as_secs_f64();
    metrics::histogram!("waxwing_meta_call_duration_seconds", "call" => call, "outcome" => outcome)
        .record(took);
    answer
}

#[async_trait]
impl MetaGateway for CountedGateway {
    async fn refused_address(&self, graph_url: &str) -> Option<String> {
        self.0.refused_address(graph_url).await
    }

    async fn send(&self, access: &Access, message: &Outgoing) -> Answer<AcceptedByMeta> {
        counted("send", self.0.send(access, message)).await
    }

    async fn mark_read(&self, access: &Access, wamid: &str, typing: bool) -> Answer<()> {
        counted("mark_read", self.0.mark_read(access, wamid, typing)).await
    }

    async fn create_template(&self, access: &Access, template: &TemplateSubmission) -> Answer<Submitted> {
        counted("create_template", self.0.create_template(access, template)).await
    }

    async fn edit_template(
        &self,
        access: &Access,
        meta_id: &str,
        template: &TemplateSubmission,
    ) -> Answer<()> {
        counted("edit_template", self.0.edit_template(access, meta_id, template)).await
    }

    async fn delete_template(&self, access: &Access, meta_id: &str, name: &str) -> Answer<()> {
        counted("delete_template", self.0.delete_template(access, meta_id, name)).await
    }

    async fn list_templates(&self, access: &Access, after: Option<&str>) -> Answer<MetaTemplatePage> {
        counted("list_templates", self.0.list_templates(access, after)).await
    }

    async fn upload_media(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        size: u64,
        bytes: ByteStream,
    ) -> Answer<String> {
        counted("upload_media", self.0.upload_media(access, mime_type, filename, size, bytes)).await
    }

    async fn upload_sample(
        &self,
        access: &Access,
        mime_type: &str,
        filename: &str,
        bytes: Bytes,
    ) -> Answer<String> {
        counted("upload_sample", self.0.upload_sample(access, mime_type, filename, bytes)).await
    }

    async fn locate_media(&self, access: &Access, meta_id: &str) -> Answer<MediaLocation> {
        counted("locate_media", self.0.locate_media(access, meta_id)).await
    }

    async fn fetch_media(&self, access: &Access, location: &MediaLocation) -> Answer<ByteStream> {
        counted("fetch_media", self.0.fetch_media(access, location)).await
    }

    async fn debug_token(&self, access: &Access) -> Answer<TokenFacts> {
        counted("debug_token", self.0.debug_token(access)).await
    }

    async fn number(&self, access: &Access) -> Answer<NumberFacts> {
        counted("number", self.0.number(access)).await
    }

    async fn account_numbers(&self, access: &Access) -> Answer<Vec<String>> {
        counted("account_numbers", self.0.account_numbers(access)).await
    }

    async fn subscribed_apps(&self, access: &Access) -> Answer<Vec<String>> {
        counted("subscribed_apps", self.0.subscribed_apps(access)).await
    }

    async fn subscribe_app(&self, access: &Access, callback: Option<(&str, &SecretString)>) -> Answer<()> {
        counted("subscribe_app", self.0.subscribe_app(access, callback)).await
    }
}
