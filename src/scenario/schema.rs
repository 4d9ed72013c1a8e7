//! The JSON Schema of a scenario, printed from the tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shape::{Field, Shape, Type};
use super::tables;
use super::tables_random::{COUNT_DIST, DIST};
use crate::balance::{Form, MAX_WEIGHT, POLICIES, Parameter, PolicyListed};

/// JSON Schema (draft 2020-12) of a scenario file, for completion and checks in editors.
#[must_use]
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let mut root = definitions.object(&tables::FILE);
    definitions.finish();
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("windtunnel scenario"));
    if let Some(object) = root.as_object_mut() {
        schema.append(object);
    }
    schema.insert("$defs".to_owned(), Value::Object(definitions.done.into_iter().collect()));
    Value::Object(schema)
}

/// The policies that have a parameter of this name.
fn takers(key: &str) -> impl Iterator<Item = (&'static str, &'static Parameter)> {
    let of = move |policy: &'static PolicyListed| {
        policy.parameters.iter().filter(move |parameter| parameter.key == key).map(|parameter| (policy.name, parameter))
    };
    POLICIES.iter().flat_map(of)
}

/// What a parameter does, by policy where policies differ.
fn of_policies(key: &str) -> String {
    let mut parts: Vec<(Vec<&str>, &Parameter)> = Vec::new();
    for (policy, parameter) in takers(key) {
        match parts.iter_mut().find(|(_, known)| known.doc == parameter.doc && known.default == parameter.default) {
            Some((policies, _)) => policies.push(policy),
            None => parts.push((vec![policy], parameter)),
        }
    }
    let part = |(policies, parameter): &(Vec<&str>, &Parameter)| {
        format!("{}: {}. Default: {}.", policies.join(", "), parameter.doc, parameter.default)
    };
    parts.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// The schema of a parameter's values.
fn parameter_form(form: &Form) -> Value {
    let mut definitions = Definitions::default();
    let mut value = |ty: &Type| definitions.value(ty);
    match form {
        Form::Count(min, max) => value(&Type::Count(*min, *max)),
        Form::CountOr(min, max, word) => json!({"anyOf": [value(&Type::Count(*min, *max)), {"enum": [word]}]}),
        Form::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
        Form::Flag => value(&Type::Bool),
        Form::Word(words) => value(&Type::Word(words)),
        Form::Duration => value(&Type::Duration),
        Form::DurationOr(word) => json!({"anyOf": [value(&Type::Duration), {"enum": [word]}]}),
        Form::Weights => value(&Type::List(&Type::Count(0, MAX_WEIGHT as u64))),
        Form::Address | Form::Ip => value(&Type::Text),
        Form::SlowStart | Form::Picks => value(&Type::Any),
    }
}

/// Objects that were referred to, and those written out.
#[derive(Default)]
struct Definitions {
    wanted: Vec<&'static Shape>,
    done: BTreeMap<String, Value>,
}

impl Definitions {
    fn finish(&mut self) {
        while let Some(shape) = self.wanted.pop() {
            if !self.done.contains_key(shape.name) {
                // Entered first, because a mixture contains distributions.
                self.done.insert(shape.name.to_owned(), Value::Null);
                let object = self.object(shape);
                self.done.insert(shape.name.to_owned(), object);
            }
        }
    }

    fn reference(&mut self, shape: &'static Shape) -> Value {
        self.wanted.push(shape);
        json!({"$ref": format!("#/$defs/{}", shape.name)})
    }

    fn object(&mut self, shape: &'static Shape) -> Value {
        let mut properties = Map::new();
        for field in shape.fields {
            properties.insert(field.key.to_owned(), self.property(field));
        }
        let required = shape.fields.iter().filter(|field| field.required).map(|field| field.key).collect::<Vec<_>>();
        let mut object = json!({
            "description": shape.doc,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if ["distribution", "countDistribution", "arrivals"].contains(&shape.name) {
            object["minProperties"] = json!(1);
            object["maxProperties"] = json!(1);
        }
        object
    }

    fn property(&mut self, field: &Field) -> Value {
        if !field.built {
            return json!({"description": format!("{} Not supported yet.", field.doc), "not": {}});
        }
        let description = if let Type::OfPolicies(key) = field.value {
            of_policies(key)
        } else if field.default.is_empty() {
            field.doc.to_owned()
        } else {
            format!("{} Default: {}.", field.doc, field.default)
        };
        let mut value = self.value(&field.value);
        if let Some(object) = value.as_object_mut() {
            object.insert("description".to_owned(), json!(description));
        }
        value
    }

    fn value(&mut self, ty: &Type) -> Value {
        match ty {
            Type::Text => json!({"type": ["string", "number"]}),
            Type::Duration => {
                json!({"anyOf": [{"type": "string", "pattern": "^([0-9.]+ ?(ns|us|µs|ms|s|m|h|d))+$|^0$"}, {"const": 0}]})
            }
            Type::Ratio => {
                json!({"anyOf": [{"type": "string", "pattern": "^[0-9.eE+-]+ ?%?$"}, {"type": "number", "minimum": 0}]})
            }
            Type::Rate => json!({"type": "string", "pattern": "^[0-9.eE+-]+ ?/ ?(ns|us|µs|ms|s|m|min|h|d)$"}),
            Type::Number => json!({"type": "number"}),
            Type::Quantity => json!({"anyOf": [{"type": "string"}, {"type": "number"}]}),
            Type::Count(min, max) if *max == u64::MAX => json!({"type": "integer", "minimum": min}),
            Type::Count(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Word(words) => {
                // `layer: 4` is a number to a YAML reader.
                let numbers = words.iter().filter_map(|word| word.parse::<u64>().ok()).map(Value::from);
                let all = words.iter().map(|word| Value::from(*word)).chain(numbers).collect::<Vec<_>>();
                json!({"enum": all})
            }
            Type::Object(shape) => self.reference(shape),
            Type::List(inner) => json!({"type": "array", "items": self.value(inner)}),
            Type::Map(inner) => json!({"type": "object", "additionalProperties": self.value(inner)}),
            Type::Either(types) => {
                let any = types.iter().map(|one| self.value(one)).collect::<Vec<_>>();
                json!({"anyOf": any})
            }
            Type::OfPolicies(key) => {
                let mut forms = Vec::new();
                for (_, parameter) in takers(key) {
                    let form = parameter_form(&parameter.form);
                    if !forms.contains(&form) {
                        forms.push(form);
                    }
                }
                if forms.len() == 1 { forms.remove(0) } else { json!({"anyOf": forms}) }
            }
            Type::Dist => json!({"anyOf": [self.value(&Type::Duration), self.reference(&DIST)]}),
            Type::CountDist => json!({"anyOf": [{"type": "integer", "minimum": 1}, self.reference(&COUNT_DIST)]}),
            Type::Any => json!({}),
        }
    }
}
