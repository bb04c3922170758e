//! Which language of a template a contact gets.

use domain::broadcasts::plan::TemplateChoice;
use domain::templates::{Category, Status};
use ports::templates::Template;

/// The languages of a template on one account, and the order in which they stand in for each other.
#[derive(Debug, Clone)]
pub(super) struct Languages {
    /// Those that may be sent, by their code.
    usable: Vec<Template>,
    /// Every other one: why it cannot be sent.
    unusable: Vec<Template>,
    /// All that there are, whatever the plan wants.
    known: Vec<String>,
    fixed: bool,
    fallback: Vec<String>,
}

impl Languages {
    /// Of all rows of the template's name; the plan's fallbacks come before the tenant's order.
    pub(super) fn new(rows: Vec<Template>, choice: &TemplateChoice, tenants_order: &[String]) -> Self {
        let there = rows.iter().filter(|row| row.status != Status::Deleted);
        let known = there.map(|row| row.language.clone()).collect();
        let wanted = |row: &Template| {
            choice.language.as_ref().is_none_or(|language| same(language, &row.language))
                && row.status != Status::Deleted
        };
        let (mut usable, unusable): (Vec<Template>, Vec<Template>) =
            rows.into_iter().filter(wanted).partition(|row| row.status.sendable());
        usable.sort_by(|one, other| one.language.cmp(&other.language));
        let fallback = choice.fallback.iter().chain(tenants_order).cloned().collect();
        Self { usable, unusable, known, fixed: choice.language.is_some(), fallback }
    }

    /// Those that may be sent.
    pub(super) fn usable(&self) -> &[Template] {
        &self.usable
    }

    /// One that is there and cannot be sent, when there is none that can.
    pub(super) fn unapproved(&self) -> Option<&Template> {
        if self.usable.is_empty() { self.unusable.first() } else { None }
    }

    /// In which languages there is one of this name, also those that the plan does not want.
    pub(super) fn known(&self) -> &[String] {
        &self.known
    }

    /// Every row that is not deleted.
    pub(super) fn all(&self) -> impl Iterator<Item = &Template> {
        self.usable.iter().chain(&self.unusable)
    }

    /// Those that may be sent; while there are none, those that may be some day.
    pub(super) fn wanted(&self) -> &[Template] {
        if self.usable.is_empty() { &self.unusable } else { &self.usable }
    }

    /// The contact's language exactly, then another of the same base language, then the fallbacks in their order, then
    /// any. A plan that names its language has that alone.
    pub(super) fn choose(&self, contact: Option<&str>) -> Option<&Template> {
        if self.fixed {
            return self.usable.first();
        }
        let wanted = contact.into_iter().chain(self.fallback.iter().map(String::as_str));
        wanted.into_iter().find_map(|language| self.fitting(language)).or_else(|| self.usable.first())
    }

    /// For samples: the one that would be sent, or another when none may be yet.
    pub(super) fn shown(&self, contact: Option<&str>) -> Option<&Template> {
        self.choose(contact).or_else(|| self.unusable.first())
    }

    fn fitting(&self, language: &str) -> Option<&Template> {
        let exactly = self.usable.iter().find(|row| same(&row.language, language));
        // The base language itself comes before those of other countries.
        let base = || self.usable.iter().find(|row| same(&row.language, base_of(language)));
        let related = || self.usable.iter().find(|row| same(base_of(&row.language), base_of(language)));
        exactly.or_else(base).or_else(related)
    }

    /// The category by which consent, cap and price go: the strictest of those that may be sent.
    pub(super) fn category(&self) -> Option<Category> {
        strictest(self.usable.iter().map(|row| &row.category))
    }
}

/// The strictest category.
pub(super) fn strictest<'a>(categories: impl Iterator<Item = &'a Category>) -> Option<Category> {
    let rank = |category: &Category| match category {
        Category::Authentication => 0,
        Category::Utility => 1,
        // What Meta invents is taken for as strict as marketing but for its name.
        Category::Other(_) => 2,
        Category::Marketing => 3,
    };
    categories.max_by_key(|category| rank(category)).cloned()
}

/// `pt-BR` is `pt_BR`.
fn same(one: &str, other: &str) -> bool {
    let fold = |code: &str| code.replace('-', "_").to_ascii_lowercase();
    fold(one) == fold(other)
}

fn base_of(language: &str) -> &str {
    language.split(['_', '-']).next().unwrap_or(language)
}

#[cfg(test)]
mod tests {
    use domain::templates::ParameterFormat;
    use domain::{TemplateId, Timestamp};

    use super::*;

    fn row(language: &str, status: Status) -> Template {
        Template {
            id: TemplateId(1),
            waba_id: "1".into(),
            name: "promo".into(),
            language: language.into(),
            category: Category::Utility,
            status,
            rejection_reason: None,
            quality: None,
            meta_id: None,
            parameter_format: ParameterFormat::Positional,
            components: serde_json::json!([]),
            param_names: Vec::new(),
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn languages(codes: &[&str], choice: TemplateChoice, order: &[&str]) -> Languages {
        let rows = codes.iter().map(|code| row(code, Status::Approved)).collect();
        let order: Vec<String> = order.iter().map(|code| (*code).to_owned()).collect();
        Languages::new(rows, &choice, &order)
    }

    fn free(fallback: &[&str]) -> TemplateChoice {
        let fallback = fallback.iter().map(|code| (*code).to_owned()).collect();
        TemplateChoice { name: "promo".into(), language: None, fallback }
    }

    #[test]
    fn the_own_language_comes_first_then_its_relatives_then_the_orders() {
        let known = languages(&["de", "en_GB", "en_US", "es", "pt_BR"], free(&["es"]), &["de"]);
        let given = |contact| known.choose(contact).map(|row| row.language.as_str());
        assert_eq!(given(Some("en_US")), Some("en_US"));
        assert_eq!(given(Some("en-us")), Some("en_US"));
        assert_eq!(given(Some("pt")), Some("pt_BR"));
        assert_eq!(given(Some("de_AT")), Some("de"));
        assert_eq!(given(Some("fr")), Some("es"));
        assert_eq!(given(None), Some("es"));
        let tenants = languages(&["de", "en_US"], free(&["it"]), &["en"]);
        assert_eq!(tenants.choose(Some("fr")).map(|row| row.language.as_str()), Some("en_US"));
        let any = languages(&["de", "pl"], free(&[]), &[]);
        assert_eq!(any.choose(Some("fr")).map(|row| row.language.as_str()), Some("de"));
    }

    #[test]
    fn a_plan_that_names_its_language_has_that_alone() {
        let choice = TemplateChoice { language: Some("de".into()), ..free(&[]) };
        let known = languages(&["de", "en_US"], choice, &["en"]);
        assert_eq!(known.choose(Some("en_US")).map(|row| row.language.as_str()), Some("de"));
        assert_eq!(known.usable().len(), 1);
    }

    #[test]
    fn what_is_not_approved_is_never_chosen_and_told_when_nothing_else_is_there() {
        let rows = vec![row("de", Status::Paused), row("en", Status::Approved), row("fr", Status::Deleted)];
        let known = Languages::new(rows, &free(&["de"]), &[]);
        assert_eq!(known.choose(Some("de")).map(|row| row.language.as_str()), Some("en"));
        assert!(known.unapproved().is_none());
        let none = Languages::new(vec![row("de", Status::Paused)], &free(&[]), &[]);
        assert_eq!(none.unapproved().map(|row| row.status.clone()), Some(Status::Paused));
        assert!(none.choose(Some("de")).is_none());
    }

    #[test]
    fn of_several_categories_the_strictest_counts() {
        let all = [Category::Utility, Category::Marketing, Category::Authentication];
        assert_eq!(strictest(all.iter()), Some(Category::Marketing));
        assert_eq!(strictest(all[2..].iter()), Some(Category::Authentication));
    }
}
