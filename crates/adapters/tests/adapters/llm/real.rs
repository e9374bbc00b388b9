//! llama.cpp's `llama-server` with tiny models. The oracle is a bigram table: what its answers are, and how probable, is
//! known beforehand. After the last token of a prompt: A .10, B .50, C .25, D .05, `B组` .04, `抱歉` .02, `{` .03; after a
//! quote in an object the letters are the same.

use super::*;
use app::ports::Letters;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use testkit::engines;

/// How long the server may take to load a tiny model.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(30);

struct Llama {
    process: Child,
    address: SocketAddr,
}

impl Drop for Llama {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

impl Llama {
    async fn start(model: &str) -> Self {
        let dir = engines::llama();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(dir.join("llama-server"));
        command.args([
            "--host",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "-c",
            "8192",
            "-np",
            "2",
            "-t",
            "1",
        ]);
        command.arg("-m").arg(dir.join(format!("{model}.gguf")));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let llama = Self { process, address };
        let until = Instant::now() + READY_WITHIN;
        let health = format!("http://{address}/health");
        while !reqwest_ok(&health).await {
            assert!(Instant::now() < until, "llama-server does not come up with {model}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        llama
    }

    fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

async fn reqwest_ok(url: &str) -> bool {
    reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
}

fn real(urls: &[String], data: &Path) -> Models {
    models(&Options { attempt_ms: 30_000, ..options(urls) }, data)
}

fn letters(said: &Said) -> &Letters {
    match &said.answer {
        Spoken::Letter { letter: 1, letters: Some(letters), .. } => letters,
        other => panic!("B with probabilities was expected, not {other:?}"),
    }
}

#[track_caller]
fn assert_close(found: &[f64], want: &[f64], within: f64) {
    assert!(
        found.len() == want.len() && found.iter().zip(want).all(|(a, b)| (a - b).abs() < within),
        "{found:?}, not {want:?}"
    );
}

/// In every form that the server takes, the oracle's probabilities are the known ones; a relay in front refuses the
/// better forms.
#[tokio::test(flavor = "multi_thread")]
async fn the_oracle_says_what_is_known() {
    let llama = Llama::start("oracle").await;
    let to = llama.address;
    type Case = (&'static [&'static str], Option<([f64; 4], f64)>);
    let cases: [Case; 3] = [
        (&[], Some(([0.10, 0.50, 0.25, 0.05], 0.90))),
        // Of an object without a schema it makes `{"B":"B"}`, which answers nothing.
        (&["json_schema"], None),
        // In words alone `B组` is an answer too.
        (&["json_schema", "json_object"], Some(([0.10, 0.54, 0.25, 0.05], 0.94))),
    ];
    for (refused, known) in cases {
        let relay = ModelServer::start(move |_, body| match body["response_format"]["type"].as_str() {
            Some(format) if refused.contains(&format) => Manner::status(400, ""),
            _ => Manner::Forward(to),
        });
        let dir = tempfile::tempdir().unwrap();
        let models = real(&[relay.url()], dir.path());
        let said = models.ask(&letter(), LONG).await;
        let Some((want, mass)) = known else {
            assert_eq!(said, Err(Silence::Unusable));
            continue;
        };
        let said = said.unwrap();
        let letters = letters(&said);
        assert_close(&letters.probabilities, &want.map(|p| p / mass), 2e-3);
        assert_close(&[letters.mass], &[mass], 5e-3);
        let (spent, most) = (models.spent().await.unwrap(), 4_000);
        assert!(said.tokens > 24 && spent.tokens == said.tokens && spent.tokens < most, "{spent:?}");
    }
}

/// The oracle knows letters and no products: free of position bias it says nothing, by all rotations and by the prior.
#[tokio::test(flavor = "multi_thread")]
async fn position_bias_of_the_oracle_is_taken_off() {
    let llama = Llama::start("oracle").await;
    let dir = tempfile::tempdir().unwrap();
    let models = Arc::new(real(&[llama.url()], dir.path()));
    let consultant = Consultant::new(models, Consulting::default());
    for number in 0..24 {
        let question = Question {
            about: None,
            language: recommend::text::Language::Zh,
            bought: app::advise::redact::named(&["苹果手机".to_owned(), "充电器".to_owned()]),
            options: [format!("炒锅{number}"), "手机壳".into(), "纸尿裤".into(), "衬衫".into()]
                .map(|item| vec![item])
                .into(),
        };
        let p = consultant.weigh(&question, LONG).await.unwrap();
        assert_close(&p, &[0.25; 4], 5e-3);
    }
}

/// What an object's schema allows comes out, or nothing; the grammar does not hold everything that a schema says.
#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_model_that_babbles_keep_to_their_schema_or_are_none() {
    let llama = Llama::start("random").await;
    let dir = tempfile::tempdir().unwrap();
    let models = real(&[llama.url()], dir.path());
    let schema = json!({"type": "object", "properties": {"codes": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}},
        "required": ["codes"], "additionalProperties": false});
    let mut outcomes = (0, 0);
    for n in 0..8 {
        let ask = Ask {
            shape: Shape::Object { name: "order", schema: schema.clone() },
            answer_tokens: 48,
            ..about(&n.to_string())
        };
        match models.ask(&ask, LONG).await {
            Ok(Said { answer: Spoken::Object(object), .. }) => {
                outcomes.0 += 1;
                let codes = object["codes"].as_array().unwrap();
                assert!(codes.iter().all(|code| code == "a" || code == "b"), "{object}");
            }
            Err(Silence::Unusable) => outcomes.1 += 1,
            other => panic!("{other:?}"),
        }
        let letter = models.ask(&about(&format!("letter {n}")), LONG).await;
        assert!(matches!(letter, Ok(_) | Err(Silence::Unusable)), "{letter:?}");
    }
    assert_eq!(outcomes.0 + outcomes.1, 8);
}

/// The last token of the budget, counted by the real server: what it says it took is what is counted, and no question is
/// sent that might go beyond.
#[tokio::test(flavor = "multi_thread")]
async fn the_budget_holds_on_the_real_server() {
    let llama = Llama::start("oracle").await;
    let to = llama.address;
    let relay = ModelServer::start(move |_, _| Manner::Forward(to));
    let dir = tempfile::tempdir().unwrap();
    let options = Options { tokens_per_day: 3_000, attempt_ms: 30_000, ..options(&[relay.url()]) };
    let mut all = 0;
    for life in 0..2 {
        let models = Arc::new(models(&options, dir.path()));
        let asked = (0..16).map(|n| {
            let (models, ask) = (models.clone(), about(&format!("{life} {n}")));
            tokio::spawn(async move { models.ask(&ask, LONG).await })
        });
        for said in asked.collect::<Vec<_>>() {
            match said.await.unwrap() {
                Ok(said) => all += said.tokens,
                Err(silence) => assert_eq!(silence, Silence::Budget),
            }
        }
        let spent = models.spent().await.unwrap();
        assert!(spent.tokens == all && all > 0 && all <= 3_000, "{spent:?} {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_silence_and_comes_back() {
    let mut llama = Llama::start("oracle").await;
    let dir = tempfile::tempdir().unwrap();
    let models = real(&[llama.url()], dir.path());
    assert!(models.ask(&about("first"), LONG).await.is_ok());
    llama.process.kill().unwrap();
    llama.process.wait().unwrap();
    let silent = models.ask(&about("second"), LONG).await;
    assert!(matches!(silent, Err(Silence::Down | Silence::Unusable)), "{silent:?}");
}
