//! Samples of media headers: a file of ours becomes the handle that Meta wants.

use domain::messages::content::MediaKind;
use domain::{MediaId, TenantId};
use serde_json::{Value, json};

use super::{Account, TemplateError, Templates};
use crate::faults::Faults;
use crate::media::{MediaError, kind_of};

/// A header whose sample is a file of ours.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    /// Where its component is, from the list of components.
    pointer: String,
    media: MediaId,
    /// `image`, `video`, `document`, `gif`.
    format: String,
}

impl Sample {
    /// Where it is in the request.
    fn place(&self) -> String {
        format!("/components{}/example/media_id", self.pointer)
    }
}

impl Templates {
    /// The components with every sample uploaded. Changes nothing when there are no samples of ours.
    pub(super) async fn with_handles(
        &self,
        tenant: TenantId,
        account: &Account,
        mut components: Value,
    ) -> Result<Value, TemplateError> {
        let samples = find(&components);
        if samples.is_empty() {
            return Ok(components);
        }
        if account.access.app_id.is_none() {
            let problem = "a sample is uploaded to the app; enter the app's id in the connection first";
            return Err(Faults::one(samples[0].place(), problem).into());
        }
        for sample in samples {
            let handle = self.upload(tenant, account, &sample).await?;
            if let Some(component) = components.pointer_mut(&sample.pointer) {
                component["example"] = json!({ "header_handle": [handle] });
            }
        }
        Ok(components)
    }

    async fn upload(
        &self,
        tenant: TenantId,
        account: &Account,
        sample: &Sample,
    ) -> Result<String, TemplateError> {
        let at = |problem: String| TemplateError::Invalid(Faults::one(sample.place(), problem));
        let (media, bytes) = match self.media.sample(tenant, sample.media).await {
            Ok(found) => found,
            Err(MediaError::NotFound | MediaError::NotFetched(_)) => {
                return Err(at(format!("there is no file {}", sample.media)));
            }
            Err(error) => return Err(error.into()),
        };
        if !fits(&sample.format, &media.mime_type) {
            return Err(at(format!("is {}, which cannot be a {} header", media.mime_type, sample.format)));
        }
        let filename = media.filename.unwrap_or_else(|| format!("sample-{}", media.id));
        match self.deps.gateway.upload_sample(&account.access, &media.mime_type, &filename, bytes).await {
            Ok(handle) => Ok(handle),
            Err(error) => Err(self.refused(tenant, account, error).await?),
        }
    }
}

/// The components as Meta's rules see them: a sample of ours counts as a sample.
pub(super) fn as_if_uploaded(components: &Value) -> Value {
    let mut components = components.clone();
    for sample in find(&components) {
        if let Some(component) = components.pointer_mut(&sample.pointer) {
            component["example"] = json!({ "header_handle": [format!("media:{}", sample.media)] });
        }
    }
    components
}

fn find(components: &Value) -> Vec<Sample> {
    let mut samples = Vec::new();
    headers(components, "", &mut samples);
    samples
}

fn headers(components: &Value, base: &str, samples: &mut Vec<Sample>) {
    for (index, component) in components.as_array().into_iter().flatten().enumerate() {
        let pointer = format!("{base}/{index}");
        if let Some(media) = component.pointer("/example/media_id").and_then(Value::as_i64) {
            let format = component["format"].as_str().unwrap_or_default().to_ascii_lowercase();
            samples.push(Sample { pointer: pointer.clone(), media: MediaId(media), format });
        }
        for (number, card) in component["cards"].as_array().into_iter().flatten().enumerate() {
            headers(&card["components"], &format!("{pointer}/cards/{number}/components"), samples);
        }
    }
}

fn fits(format: &str, mime_type: &str) -> bool {
    matches!(
        (format, kind_of(mime_type)),
        ("image", Some(MediaKind::Image))
            | ("video" | "gif", Some(MediaKind::Video))
            | ("document", Some(MediaKind::Document))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn components() -> Value {
        json!([
            {"type": "HEADER", "format": "IMAGE", "example": {"media_id": 12}},
            {"type": "BODY", "text": "hello"},
            {"type": "CAROUSEL", "cards": [
                {"components": [{"type": "HEADER", "format": "VIDEO", "example": {"media_id": 13}}]},
                {"components": [{"type": "HEADER", "format": "VIDEO", "example": {"header_handle": ["4::x"]}}]}
            ]}
        ])
    }

    #[test]
    fn samples_are_found_in_the_header_and_in_cards() {
        let found: Vec<(String, i64, String)> = find(&components())
            .into_iter()
            .map(|sample| (sample.pointer, sample.media.0, sample.format))
            .collect();
        let expected = [
            ("/0".to_owned(), 12, "image".to_owned()),
            ("/2/cards/0/components/0".to_owned(), 13, "video".to_owned()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sample_of_ours_counts_as_a_sample() {
        let seen = as_if_uploaded(&components());
        assert_eq!(seen.pointer("/0/example/header_handle/0"), Some(&json!("media:12")));
        assert!(find(&seen).is_empty());
        assert_eq!(as_if_uploaded(&seen), seen);
    }
}
