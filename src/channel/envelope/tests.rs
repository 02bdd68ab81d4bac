//! The envelope against the sheet's vectors, the vendor's own among them, and against forgers.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vectors(kind: &str) -> Vec<Value> {
    let file = include_str!("../../../tests/fixtures/vectors_wechat.json");
    let file: Value = serde_json::from_str(file).unwrap();
    file["kinds"][kind]["vectors"].as_array().unwrap().clone()
}

fn word<'a>(vector: &'a Value, part: &str, name: &str) -> &'a str {
    vector[part][name].as_str().unwrap()
}

fn query(time: &str, nonce: &str, signature: &str) -> String {
    let mut line = form_urlencoded::Serializer::new(String::new());
    line.append_pair("timestamp", time).append_pair("nonce", nonce);
    line.append_pair("msg_signature", signature).append_pair("signature", signature);
    line.finish()
}

fn opened(envelope: &Envelope, query: &str, encrypt: &str) -> Result<Vec<u8>, HookFault> {
    envelope.open(&crate::channel::door::form(query.as_bytes()).unwrap(), encrypt)
}

fn ours() -> Envelope {
    Envelope::new("emergtoken", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wx12").unwrap()
}

#[test]
fn plain_checks_have_the_vectors_signatures() {
    let all = vectors("wechat_url_signature");
    assert_eq!(all.len(), 2);
    for vector in &all {
        let of = |name| word(vector, "inputs", name);
        let envelope = Envelope::new(of("token"), &"A".repeat(43), "x").unwrap();
        let said = envelope.signature(&[of("timestamp"), of("nonce")]);
        assert_eq!(said, word(vector, "expected", "signature"));
        let line = query(of("timestamp"), of("nonce"), &said);
        let fields = crate::channel::door::form(line.as_bytes()).unwrap();
        assert!(envelope.admits(&fields, "signature", &[]));
        assert!(!envelope.admits(&fields, "signature", &["x"]));
    }
}

#[test]
fn what_the_vendor_published_is_opened() {
    let all = vectors("wechat_decrypt_official");
    assert_eq!(all.len(), 3);
    for vector in &all {
        let of = |name| word(vector, "inputs", name);
        let envelope =
            Envelope::new(of("token"), of("encoding_aes_key"), of("receive_id")).unwrap();
        let signature = word(vector, "expected", "msg_signature");
        let line = query(of("timestamp"), of("nonce"), signature);
        let text = opened(&envelope, &line, of("encrypt")).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), word(vector, "expected", "plaintext"));
        let other = Envelope::new(of("token"), of("encoding_aes_key"), "wx_other").unwrap();
        assert_eq!(opened(&other, &line, of("encrypt")), Err(HookFault::Forged), "not for us");
    }
}

#[test]
fn what_is_sealed_is_the_vectors_text_to_the_letter() {
    let all = vectors("wechat_encrypted_message");
    assert_eq!(all.len(), 2);
    for vector in &all {
        let of = |name| word(vector, "inputs", name);
        let envelope = Envelope::new(of("token"), of("encoding_aes_key"), of("app_id")).unwrap();
        let random = of("random16").as_bytes().try_into().unwrap();
        let text = of("plaintext").as_bytes();
        let sealed = envelope.seal(text, random, of("timestamp"), of("nonce"));
        assert_eq!(sealed.encrypt, word(vector, "expected", "encrypt"));
        assert_eq!(sealed.signature, word(vector, "expected", "msg_signature"));
        let line = query(of("timestamp"), of("nonce"), &sealed.signature);
        assert_eq!(opened(&envelope, &line, &sealed.encrypt).unwrap(), text);
    }
}

#[test]
fn keys_of_another_shape_are_refused() {
    for bad in ["", "abc", &"A".repeat(42), &"A".repeat(44), &"*".repeat(43), &"村".repeat(43)] {
        assert!(Envelope::new("t", bad, "r").is_err(), "{bad}");
    }
}

#[test]
fn messages_are_read_without_what_a_document_may_smuggle_in() {
    let words = Words::read(
        "<xml><A><![CDATA[甲<b>]]></A> <B>1&amp;2&#20108;</B><C><D>里</D></C><E/></xml>\n"
            .as_bytes(),
    );
    let words = words.unwrap();
    assert_eq!(words.get("A"), Some("甲<b>"));
    assert_eq!(words.get("B"), Some("1&2二"));
    assert_eq!((words.get("C"), words.get("D"), words.get("E")), (None, None, None));
    let deep = format!("<xml>{}{}</xml>", "<a>".repeat(50), "</a>".repeat(50));
    for bad in [
        "",
        "天",
        "<xml>",
        "<xml></a></xml>",
        "<xml><A>1</A></xml>9",
        "<xml/>",
        "<xml></xml><xml></xml>",
        "<!DOCTYPE xml [<!ENTITY e \"x\">]><xml><A>&e;</A></xml>",
        "<xml><A>&e;</A></xml>",
        deep.as_str(),
    ] {
        assert!(Words::read(bad.as_bytes()).is_none(), "{bad}");
    }
    assert!(Words::read(&[0xff, 0xfe]).is_none());
}

proptest! {
    #[test]
    fn what_we_seal_opens_and_nothing_that_was_touched_does(
        text in proptest::collection::vec(any::<u8>(), 0..300),
        random in any::<[u8; 16]>(),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let envelope = ours();
        let sealed = envelope.seal(&text, random, "1", "2");
        let line = query("1", "2", &sealed.signature);
        prop_assert_eq!(opened(&envelope, &line, &sealed.encrypt).unwrap(), text);
        let mut touched = sealed.encrypt.clone().into_bytes();
        let at = at.index(touched.len());
        touched[at] ^= 1 << bit;
        let touched = String::from_utf8_lossy(&touched).into_owned();
        prop_assert_eq!(opened(&envelope, &line, &touched), Err(HookFault::Forged));
        let other = query("1", "3", &sealed.signature);
        prop_assert_eq!(opened(&envelope, &other, &sealed.encrypt), Err(HookFault::Forged));
    }

    #[test]
    fn no_bytes_make_it_panic_even_rightly_signed(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let envelope = ours();
        let encrypt = STANDARD.encode(&bytes);
        let line = query("1", "2", &envelope.signature(&["1", "2", &encrypt]));
        let _ = opened(&envelope, &line, &encrypt);
        let _ = Words::read(&bytes);
        let _ = Words::read(format!("<xml>{}</xml>", String::from_utf8_lossy(&bytes)).as_bytes());
    }
}
