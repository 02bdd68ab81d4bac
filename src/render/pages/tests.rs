//! That every page file is embedded and parses, and that nothing from outside becomes markup.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn frame() -> Value {
    frame_of("live")
}

fn frame_of(kind: &str) -> Value {
    context! {
        title => "余姚市防指", office => "余姚市防指", kind, path => "/", nav => (),
        css => "/assets/0/page.css", js => "/assets/0/page.js", icon => "/assets/0/icon.svg",
        csrf => "", user => "", now => 0,
    }
}

#[test]
fn every_page_file_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/pages/zh-CN");
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.clone()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let embedded: BTreeSet<String> = PAGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, embedded);
}

#[test]
fn what_comes_from_outside_is_text() {
    let pages = Pages::embedded().unwrap();
    let script = "<script>alert(1)</script>";
    let words = context! { frame => frame(), status => 404, what => script, remedy => "\"'&" };
    let html = pages.render("fault.html", words).unwrap();
    assert!(!html.contains("<script>alert"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    assert!(html.contains("<p>&quot;&#39;&amp;</p>"), "{html}");
}

#[test]
fn what_is_not_real_says_so_in_title_and_header() {
    let pages = Pages::embedded().unwrap();
    let page = |kind: &str| {
        let words =
            context! { frame => frame_of(kind), status => 404, what => "无", remedy => "无" };
        pages.render("fault.html", words).unwrap()
    };
    for (kind, word) in [("exercise", "演练"), ("rehearsal", "推演"), ("practice", "练习")] {
        let html = page(kind);
        assert!(html.contains(&format!("<title>【{word}】")), "{html}");
        let stripe = format!("<p class=\"stripe\"><strong>{word}</strong>");
        assert!(html.contains(&stripe), "{html}");
    }
    assert!(!page("live").contains("stripe"));
}

#[test]
fn a_word_that_is_missing_is_a_fault_and_not_a_gap() {
    let pages = Pages::embedded().unwrap();
    let fault = pages.render("fault.html", context! { frame => frame() }).unwrap_err();
    assert!(fault.to_string().contains("fault.html"), "{fault}");
    assert!(pages.render("nowhere.html", context! {}).is_err());
}

#[test]
fn no_page_reaches_outside_or_carries_script_or_style_in_it() {
    for (name, source) in PAGES {
        for banned in ["http://", "https://", "<style", " style=", " onclick", "javascript:"] {
            assert!(!source.contains(banned), "{name}: {banned}");
        }
    }
    let pages = Pages::embedded().unwrap();
    for asset in Asset::ALL {
        assert!(!pages.asset(asset).contains("//cdn"), "{}", asset.name());
        assert_eq!(Asset::from_name(asset.name()), Some(asset));
        assert!(pages.path(asset).contains(pages.version()));
    }
    assert!(!pages.asset(Asset::Style).contains("url("));
}
