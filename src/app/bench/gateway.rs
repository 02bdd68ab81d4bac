//! The gateway of a measurement: the shape it speaks, and the codec that speaks to it. One message
//! a call is Twilio's shape, several are Aliyun's SendBatchSms.

use std::sync::Arc;

use super::sink::{ACCOUNT, HOOK_KEY, TOKEN};
use crate::channel::Provider;
use crate::channel::registry::ProviderSettings;
use crate::channel::twilio::TwilioSettings;

/// The number from which the texts come.
pub(super) const NUMBER: &str = "+8612700000000";
/// Messages in one call at most.
pub(super) const PER_CALL_MOST: u32 = 100;
/// Who signs the texts.
pub(super) const SIGNATURE: &str = "余姚市防指";

/// The gateway at `url`, whose receipts come to the hook at `hook_url`.
pub(super) fn provider(url: &str, hook_url: &str, per_call: u32) -> anyhow::Result<Arc<Provider>> {
    let secrets = [("auth_token", TOKEN), ("access_key_secret", TOKEN), ("hook_key", HOOK_KEY)];
    let settings = match per_call {
        1 => {
            let account = TwilioSettings::practice(ACCOUNT, NUMBER, url, hook_url);
            ProviderSettings::Twilio(TwilioSettings { name: "bench".into(), ..account })
        }
        many => toml::from_str(&format!(
            "kind = \"aliyun\"\nname = \"bench\"\nrealm = \"practice\"\n\
             access_key_id = \"{ACCOUNT}\"\nbase_url = \"{url}\"\nper_call = {many}\n\
             [[templates]]\ncode = \"SMS_1\"\nsign = \"{SIGNATURE}\"\ntext = \"${{text}}\"\n\
             variable_chars = 500\n"
        ))?,
    };
    Ok(Arc::new(settings.open(&secrets)?))
}
