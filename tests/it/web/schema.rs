//! Whether an answer of the API is what its description says: every field described and of its
//! type, none missing, none undescribed. It knows the few words of JSON Schema that the description
//! uses.

use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../templates/api/openapi.json");

fn description() -> &'static Value {
    static READ: std::sync::OnceLock<Value> = std::sync::OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(DOCUMENT).unwrap())
}

/// Panics where the answer of a call that succeeded is not as described. `path`: below `/api/v1`.
pub fn conforms(method: &str, path: &str, answer: &Value) {
    let path = path.split('?').next().unwrap();
    let paths = description()["paths"].as_object().unwrap();
    let asked: Vec<&str> = path.split('/').collect();
    let fits = |known: &&String| {
        let known: Vec<&str> = known.split('/').collect();
        let same = |(known, asked): (&&str, &&str)| known.starts_with('{') || known == asked;
        known.len() == asked.len() && known.iter().zip(&asked).all(same)
    };
    let known = paths.keys().filter(fits).min_by_key(|known| known.matches('{').count());
    let known = known.unwrap_or_else(|| panic!("{path} is not described"));
    let call = &paths[known][method.to_lowercase()];
    let schema = &call["responses"]["200"]["content"]["application/json"]["schema"];
    let mut faults = Vec::new();
    check(answer, schema, "", &mut faults);
    assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{answer:#}");
}

/// Every part of the description that says nothing of what is in it.
pub fn loose_parts() -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let open = fields.get("additionalProperties") == Some(&Value::Bool(true));
                if open || (fields.is_empty() && at.contains("/properties/")) {
                    found.push(at.to_owned());
                }
                for (name, value) in fields {
                    walk(value, &format!("{at}/{name}"), found);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, at, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&description()["components"]["schemas"], "", &mut found);
    found
}

fn resolve(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(to) => resolve(description().pointer(to.strip_prefix('#').unwrap()).unwrap()),
        None => schema,
    }
}

/// The schemas that together describe one object.
fn parts(schema: &'static Value) -> Vec<&'static Value> {
    let schema = resolve(schema);
    match schema["allOf"].as_array() {
        Some(all) => all.iter().flat_map(parts).collect(),
        None => vec![schema],
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn check(value: &Value, schema: &'static Value, at: &str, faults: &mut Vec<String>) {
    let parts = parts(schema);
    let schema = parts[0];
    if let Some(ways) = schema["oneOf"].as_array() {
        let fits = |way: &&'static Value| {
            let mut faults = Vec::new();
            check(value, way, at, &mut faults);
            faults.is_empty()
        };
        if ways.iter().filter(fits).count() != 1 {
            faults.push(format!("{at}: {value} is not exactly one of {}", schema["oneOf"]));
        }
        return;
    }
    let found = type_of(value);
    let is = |name: &Value| name == found || (name == "number" && found == "integer");
    let typed = match &schema["type"] {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    };
    if !typed {
        return faults.push(format!("{at}: {found}, described as {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.contains(value)) {
        faults.push(format!("{at}: {value} is none of {words:?}"));
    }
    match value {
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                check(value, &schema["items"], &format!("{at}/{n}"), faults);
            }
        }
        Value::Object(fields) => check_fields(fields, &parts, at, faults),
        _ => {}
    }
}

fn check_fields(
    fields: &serde_json::Map<String, Value>,
    parts: &[&'static Value],
    at: &str,
    faults: &mut Vec<String>,
) {
    for part in parts {
        for name in part["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                faults.push(format!("{at}: {name} is missing"));
            }
        }
    }
    let others = || parts.iter().map(|part| &part["additionalProperties"]).find(|s| s.is_object());
    for (name, value) in fields {
        let known = parts.iter().find_map(|part| part["properties"].get(name)).or_else(others);
        match known {
            Some(schema) => check(value, schema, &format!("{at}/{name}"), faults),
            None => faults.push(format!("{at}: {name} is not described")),
        }
    }
}
