//! `LabelSelector`: which pods are meant, by `matchLabels` and `matchExpressions`.

use super::fields::{Context, Fields};
use crate::controllers::scheduler::labels::{Requirement, Selector, Test};
use crate::yaml::nearest;

/// The operators of a selector of pods.
const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// A selector that is a field; `None` where it is not there. An empty one means all.
pub(super) fn read(context: &mut Context<'_>, fields: &mut Fields<'_>, name: &str) -> Option<Selector> {
    let mut inner = context.inner(fields, name)?;
    let labels = context.texts(&mut inner, "matchLabels");
    let mut all: Vec<Requirement> = labels.iter().map(|(key, value)| Requirement::equals(key, value)).collect();
    for mut expression in context.items(&mut inner, "matchExpressions") {
        let place = expression.peek("operator").map_or(expression.span, |node| node.span);
        let key = context.text(&mut expression, "key").unwrap_or_default().to_owned();
        let operator = context.text(&mut expression, "operator").unwrap_or_default().to_owned();
        let values = context.list_of_texts(&mut expression, "values");
        context.finish(&expression);
        let test = match operator.as_str() {
            "In" => Test::In(values),
            "NotIn" => Test::NotIn(values),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            other => {
                let help = nearest(other, OPERATORS).map(|near| format!("did you mean `{near}`?"));
                let message = format!("an operator is In, NotIn, Exists or DoesNotExist, and this is `{other}`");
                context.error(place, &message, &help.unwrap_or_else(|| "write for example `operator: In`".to_owned()));
                continue;
            }
        };
        all.push(Requirement { key, test });
    }
    context.finish(&inner);
    Some(Selector { all })
}
