//! The description of the role's calls.

use std::collections::BTreeSet;

use serde_json::Value;

fn refs<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| refs(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| refs(value, found)),
        _ => {}
    }
}

#[test]
fn every_schema_it_names_is_there_and_every_call_tells_its_problems() {
    let description = serde_json::to_value(twinkle_producer_api::openapi()).unwrap();
    let mut found = BTreeSet::new();
    refs(&description, &mut found);
    for name in &found {
        assert!(description.pointer(&name[1..]).is_some(), "{name} is missing");
    }
    assert!(found.contains("#/components/schemas/Problem"));
    let paths = description["paths"].as_object().unwrap();
    let calls: Vec<&Value> =
        paths.values().flat_map(|path| path.as_object().unwrap().values()).collect();
    assert_eq!(calls.len(), 7);
    for call in calls {
        for status in ["404", "431", "500"] {
            assert!(call["responses"].get(status).is_some(), "{status} of {}", call["operationId"]);
        }
    }
}
