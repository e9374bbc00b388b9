use super::*;

fn letter(n: usize) -> Ask {
    Ask {
        prompt: "p",
        instruction: "i".into(),
        data: "{\"x\":\"说\"}".into(),
        shape: Shape::Letter(n),
        answer_tokens: 9,
    }
}

fn object() -> Ask {
    let schema = json!({"type": "object", "properties": {"codes": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
        "required": ["codes"], "additionalProperties": false});
    Ask { shape: Shape::Object { name: "order", schema }, ..letter(2) }
}

#[test]
fn each_way_asks_for_less_than_the_one_before() {
    for (way, format, tokens) in WAYS
        .iter()
        .zip(["json_schema", "json_schema", "json_object", "json_object", "", ""])
        .zip([true, false].into_iter().cycle())
        .map(|((w, f), t)| (*w, f, t))
    {
        let sent: Value = serde_json::from_str(&body(&letter(4), "m", way)).expect("JSON");
        assert_eq!(sent["response_format"]["type"].as_str().unwrap_or_default(), format, "{way:?}");
        assert_eq!(sent["logprobs"] == json!(true), tokens, "{way:?}");
        assert_eq!((sent["max_tokens"].as_u64(), sent["stream"].as_bool()), (Some(9), Some(false)));
        let said = sent["messages"][0]["content"].as_str().expect("a text");
        assert_eq!(said.contains("JSON Schema"), way.form == Form::JsonObject, "{said}");
        assert_eq!(sent["messages"][1]["content"], "{\"x\":\"说\"}");
        if way.form == Form::JsonSchema {
            let schema = &sent["response_format"]["json_schema"]["schema"];
            assert_eq!(schema["properties"]["answer"]["enum"], json!(["A", "B", "C", "D"]));
            assert_eq!(schema["properties"]["confidence"].is_object(), !tokens);
        }
    }
    let plain: Value = serde_json::from_str(&body(&object(), "m", WAYS[5])).expect("JSON");
    assert!(plain["messages"][0]["content"].as_str().expect("a text").contains("\"codes\""));
}

fn reply(content: &Value, tokens: &Value) -> Value {
    json!({"choices": [{"message": {"content": content}, "finish_reason": "weird", "logprobs": {"content": tokens}}]})
}

fn token(text: &str, top: &[(&str, f64)]) -> Value {
    let one = |text: &str, p: f64| json!({"token": text, "logprob": p.ln(), "bytes": text.as_bytes()});
    let mut token = one(text, 0.5);
    token["top_logprobs"] = top.iter().map(|(text, p)| one(text, *p)).collect();
    token
}

#[test]
fn letters_are_read_at_the_token_that_chose() {
    let top = [("B", 0.5), ("C", 0.25), ("A", 0.1), ("D", 0.05), ("B组", 0.04), ("抱歉", 0.02), ("{", 0.03)];
    let none: [(&str, f64); 0] = [];
    let plain = reply(&json!("B"), &json!([token("B", &top)]));
    let braces: Vec<Value> = ["{\"", "answer", "\":", " \""].map(|t| token(t, &none)).into();
    let in_object = |letter: Value| {
        reply(&json!("{\"answer\": \"B\"}"), &braces.iter().cloned().chain([letter, token("\"}", &none)]).collect())
    };
    for (name, reply, mass) in [("plain", plain, 0.94), ("in an object", in_object(token("B", &top)), 0.94)] {
        let Some(Spoken::Letter { letter: 1, letters: Some(letters), .. }) = spoken(&letter(4), &reply) else {
            panic!("{name}: {:?}", spoken(&letter(4), &reply))
        };
        assert!((letters.mass - mass).abs() < 1e-9, "{name}: {letters:?}");
        for (p, want) in letters.probabilities.iter().zip([0.1, 0.54, 0.25, 0.05]) {
            assert!((p - want / mass).abs() < 1e-9, "{name}: {letters:?}");
        }
    }
    // The chosen letter counts though it is not among the likeliest.
    let Some(Spoken::Letter { letters: Some(letters), .. }) =
        spoken(&letter(2), &reply(&json!("B"), &json!([token("B", &[("A", 0.4)])])))
    else {
        panic!()
    };
    assert!((letters.probabilities[1] - 0.5 / 0.9).abs() < 1e-9);
}

#[test]
fn tokens_that_do_not_fit_are_not_believed() {
    let top = [("B", 0.6), ("A", 0.4)];
    for (name, content, tokens, answer) in [
        ("null", json!("B"), json!(null), true),
        ("none", json!("B"), json!([]), true),
        ("of something else", json!("B"), json!([token("A", &top)]), true),
        ("more than everything", json!("B"), json!([token("B", &[("B", 1.0), ("A", 0.9)])]), true),
        ("no content", json!(null), json!([token("B", &top)]), false),
        ("a number", json!(7), json!([]), false),
        ("two letters", json!("A or B"), json!([]), false),
    ] {
        match spoken(&letter(2), &reply(&content, &tokens)) {
            Some(Spoken::Letter { letter: 1, letters: None, .. }) => assert!(answer, "{name}"),
            None => assert!(!answer, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    for broken in [
        json!(null),
        json!([]),
        json!({}),
        json!({"choices": []}),
        json!({"choices": [{}]}),
        json!({"error": {"message": "x"}}),
    ] {
        assert_eq!(spoken(&letter(2), &broken), None, "{broken}");
    }
}

#[test]
fn objects_keep_to_their_schema_or_are_none() {
    for (content, ok) in [
        ("{\"codes\": [\"a\", \"b\"]}", true),
        ("{\"codes\": []}", true),
        ("```json\n{\"codes\": [\"a\"]}\n```", true),
        ("{\"codes\": [\"c\"]}", false),
        ("{\"codes\": \"a\"}", false),
        ("{}", false),
        ("{\"codes\": [], \"more\": 1}", false),
        ("[\"a\"]", false),
        ("codes", false),
    ] {
        assert_eq!(spoken(&object(), &reply(&json!(content), &json!(null))).is_some(), ok, "{content}");
    }
    let mut deep = json!({"type": "string"});
    let mut value = json!("x");
    for _ in 0..50 {
        (deep, value) = (json!({"type": "array", "items": deep}), json!([value]));
    }
    assert!(!keeps_to(&value, &deep, DEPTH_MAX), "deeper than anybody asks");
}

#[test]
fn usage_is_read_where_it_is_whole() {
    for (usage_member, want) in [
        (json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}), Some((7, 2))),
        (json!({"prompt_tokens": 7, "completion_tokens": 2}), Some((7, 2))),
        (json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 30}), Some((7, 23))),
        (json!({"prompt_tokens": 7}), None),
        (json!({"prompt_tokens": -7, "completion_tokens": 2}), None),
        (json!(null), None),
    ] {
        assert_eq!(usage(&json!({"usage": usage_member})), want);
    }
}
