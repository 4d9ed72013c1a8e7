//! PodDisruptionBudgets.

use super::fields::{Context, Fields, NameRule};
use super::label_selector;
use crate::controllers::amount::Amount;
use crate::controllers::disruption::{Bound, Budget};
use crate::controllers::scheduler::labels::Selector;
use crate::yaml::{Node, nearest};

/// A PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetObject {
    /// `metadata.namespace`, by default `default`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The pods of its namespace that it is for; none without a selector.
    pub selector: Option<Selector>,
    /// What it wants.
    pub budget: Budget,
}

pub(super) fn read(context: &mut Context<'_>, node: &Node) -> Option<BudgetObject> {
    context.check_name(NameRule::Subdomain);
    let mut top = context.top(node)?;
    if let Some(metadata) = context.metadata(&mut top) {
        context.finish(&metadata);
    }
    let mut spec = context.inner(&mut top, "spec");
    context.finish(&top);
    let Some(spec) = &mut spec else {
        let help = "write `spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}`";
        context.error(context.name_span, "`spec` is missing", help);
        return None;
    };
    let selector = label_selector::read(context, spec, "selector");
    let is_given = spec.peek("minAvailable").or_else(|| spec.peek("maxUnavailable")).is_some();
    let (least, most) = (amount(context, spec, "minAvailable"), amount(context, spec, "maxUnavailable"));
    let always_lets_unhealthy_go = lets_unhealthy_go(context, spec);
    let (bound, text) = match (least, most) {
        (Some(_), Some(_)) => {
            let help = "leave one of them out";
            context.error(spec.span, "`minAvailable` and `maxUnavailable` are given, and a budget has one", help);
            return None;
        }
        (None, None) if is_given => return None,
        (None, None) => {
            // Its controller expects no pods then, and allows nothing.
            let message = "no `minAvailable` and no `maxUnavailable`: no pod may ever be evicted";
            context.warning(spec.span, message, "write for example `maxUnavailable: 1`");
            (Bound::MaxUnavailable(Amount::Count(0)), "none unavailable".to_owned())
        }
        (Some(least), None) => (Bound::MinAvailable(least), format!("at least {} available", written(least))),
        (None, Some(most)) => (Bound::MaxUnavailable(most), format!("at most {} unavailable", written(most))),
    };
    context.finish(spec);
    context.used(&text);
    Some(BudgetObject {
        namespace: context.subject.namespace.clone(),
        name: context.subject.name.clone(),
        selector,
        budget: Budget { bound, always_lets_unhealthy_go },
    })
}

fn written(amount: Amount) -> String {
    match amount {
        Amount::Count(count) => count.to_string(),
        Amount::Percent(percent) => format!("{percent}%"),
    }
}

/// A number of pods or a percentage of them.
fn amount(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Amount> {
    let path = fields.path(name);
    let node = fields.take(name)?;
    let text = node.as_scalar().map(|scalar| scalar.text.as_str()).unwrap_or_default();
    let found = match text.strip_suffix('%') {
        Some(percent) => percent.parse().ok().filter(|percent| *percent <= 100).map(Amount::Percent),
        None => text.parse().ok().filter(|count| i32::try_from(*count).is_ok()).map(Amount::Count),
    };
    if found.is_none() {
        let found = if text.is_empty() { node.kind_name().to_owned() } else { format!("`{text}`") };
        let message = format!("`{path}` must be a number of pods or a percentage up to 100%, and this is {found}");
        context.error(node.span, &message, &format!("write for example `{name}: 1` or `{name}: 25%`"));
    }
    found
}

fn lets_unhealthy_go(context: &mut Context<'_>, spec: &mut Fields<'_>) -> bool {
    const POLICIES: [&str; 2] = ["IfHealthyBudget", "AlwaysAllow"];
    let place = spec.peek("unhealthyPodEvictionPolicy").map_or(spec.span, |node| node.span);
    match context.text(spec, "unhealthyPodEvictionPolicy") {
        None | Some("IfHealthyBudget") => false,
        Some("AlwaysAllow") => true,
        Some(other) => {
            let help = nearest(other, POLICIES).map(|near| format!("did you mean `{near}`?"));
            let message =
                format!("`unhealthyPodEvictionPolicy` is IfHealthyBudget or AlwaysAllow, and this is `{other}`");
            context.error(place, &message, &help.unwrap_or_else(|| "leave it out for IfHealthyBudget".to_owned()));
            false
        }
    }
}
