//! Settings with several values: a list in a file, one text with commas in the environment.

use domain::addresses::{Network, Networks};
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

pub(super) fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SecretString>, D::Error> {
    Ok(texts(from)?.into_iter().map(SecretString::from).collect())
}

pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Networks, D::Error> {
    let parse = |text: String| text.parse::<Network>().map_err(D::Error::custom);
    texts(from)?.into_iter().map(parse).collect()
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape {
        List(Vec<String>),
        Text(String),
    }
    let texts = match Shape::deserialize(from)? {
        Shape::List(list) => list,
        Shape::Text(text) => text.split(',').map(|text| text.trim().to_owned()).collect(),
    };
    Ok(texts.into_iter().filter(|text| !text.trim().is_empty()).collect())
}
