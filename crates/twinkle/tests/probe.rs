//! `twinkle probe join` joins for real, and leaves.

mod shop;

use reqwest::Method;
use shop::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_joins_and_leaves_and_tells_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut shop = Shop::new(folder.path(), &[("TWINKLE_DATA", &data)]);
    shop.start();
    let url = shop.url("");
    let probe =
        |event| vec!["probe", "join", event, "--seconds", "2", "--api", &url, "--gateway", &url];
    assert!(shop.refuses(&probe("popup")).contains("no join of popup"), "there is no event yet");
    shop.open().await;
    let first = shop.join().await;
    let said = shop.says(&["probe", "join", "popup", "--api", &url, "--gateway", &url]);
    assert!(said.starts_with("joined popup, shown as ") && said.contains("left again"), "{said}");
    let second = shop.join().await;
    assert_eq!(shop.until(&first, "admitted").await["position"], 1);
    assert_eq!(shop.until(&second, "admitted").await["position"], 3, "the probe was the second");
    shop.operate(Method::POST, "/close", None).await;
    assert!(shop.refuses(&probe("popup")).contains("popup"), "it takes no joins");
    shop.stop();
}
