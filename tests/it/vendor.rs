//! The gateway of a town in the shape of its vendor: the practice side, and the codec that speaks
//! to it. Nothing leaves the process.

use std::sync::Arc;

use tongluo::channel::Provider;
use tongluo::channel::registry::ProviderSettings;
use tongluo::channel::twilio::TwilioSettings;
use tongluo::practice::gateway::{GatewaySettings, GatewaySim, Vendor};

use crate::town::Setup;

/// Where the practice gateway's callbacks go, with the key of those that sign nothing.
const HOOK: &str = "https://tongluo.example/hooks/practice";
const HOOK_KEY: &str = "practice-hook-0001";

/// The practice gateway and the codec that speaks to it.
pub fn gateway(setup: &Setup) -> (Arc<GatewaySim>, Arc<Provider>) {
    let vendor = setup.vendor.clone();
    let signed = vendor == Vendor::Twilio;
    let sim = Arc::new(GatewaySim::of(
        vendor,
        GatewaySettings {
            account_sid: "AC0123456789".into(),
            auth_token: "practice-token".into(),
            number: "+8612700000000".into(),
            hook_url: if signed { HOOK.into() } else { format!("{HOOK}?key={HOOK_KEY}") },
            log_limit: 1_000_000,
        },
        setup.vices.clone(),
        (setup.residents)(),
    ));
    let provider = setup.provider.clone().unwrap_or_else(|| codec(&setup.vendor));
    (sim, provider)
}

fn codec(vendor: &Vendor) -> Arc<Provider> {
    let base = "http://127.0.0.1:1";
    let templates = |texts: &[(String, String)]| -> String {
        let one = |(code, text): &(String, String)| {
            format!(
                "[[templates]]\ncode = \"{code}\"\nsign = \"余姚市防指\"\ntext = \"{text}\"\n\
                 variable_chars = 500\n"
            )
        };
        texts.iter().map(one).collect()
    };
    let own = match vendor {
        Vendor::Twilio => {
            let account = TwilioSettings::practice("AC0123456789", "+8612700000000", base, HOOK);
            let token = [("auth_token", "practice-token")];
            return Arc::new(ProviderSettings::Twilio(account).open(&token).unwrap());
        }
        Vendor::Aliyun(texts) => {
            format!("kind = \"aliyun\"\naccess_key_id = \"AC0123456789\"\n{}", templates(texts))
        }
        Vendor::Tencent(texts) => format!(
            "kind = \"tencent\"\nsecret_id = \"AC0123456789\"\napp_id = \"1400000001\"\n{}",
            templates(texts)
        ),
        Vendor::Kannel => {
            format!("kind = \"kannel\"\nusername = \"AC0123456789\"\ncallback_url = \"{HOOK}\"\n")
        }
    };
    let text = format!("name = \"practice\"\nrealm = \"practice\"\nbase_url = \"{base}\"\n{own}");
    let settings: ProviderSettings = toml::from_str(&text).unwrap();
    let secret = |name| (name, "practice-token");
    let secrets = ["access_key_secret", "secret_key", "password"].map(secret);
    let secrets = [&secrets[..], &[("hook_key", HOOK_KEY)]].concat();
    Arc::new(settings.open(&secrets).unwrap())
}
