//! The page, as a browser without JavaScript gets it.

mod scene;

use ports::memory::Faults;
use scene::{Scene, browser, cookie};
use twinkle_gateway::Limits;

#[tokio::test]
async fn a_newcomer_gets_a_cookie_and_may_join() {
    let scene = Scene::new().await;
    let page = scene.get("/e/popup", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("set-cookie").starts_with("twinkle=1.k."));
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text.contains("Pop-up"));
    assert!(page.text.contains("/e/popup/join"));

    let again = scene.get("/e/popup", &[("cookie", &cookie(&browser(1)))]).await;
    assert_eq!(again.header("set-cookie"), "", "a cookie that counts is kept");
    let forged = scene.get("/e/popup", &[("cookie", "twinkle=garbage")]).await;
    assert!(!forged.header("set-cookie").is_empty());
}

#[tokio::test]
async fn the_own_state_is_in_the_page() {
    let scene = Scene::new().await;
    let shopper = browser(1);
    let own = cookie(&shopper);
    for number in 2..=1_235 {
        scene.owner.join(&browser(number)).await;
    }
    let path = format!("/e/popup?seen={}&problem=not_enough_seats", scene.owner.next());
    scene.owner.join(&shopper).await;
    let page = scene.get(&path, &[("cookie", &own), ("accept-language", "de, ko;q=0.5")]).await;
    assert!(page.text.contains("lang=\"ko\""));
    assert!(page.text.contains("1,235"), "the place of 1,235 with 1,234 ahead");
    assert!(page.text.contains(&wire::ticket::text(scene::owner::ticket(&shopper))));
    let english = scene.get(&path, &[("cookie", &own), ("accept-language", "en")]).await;
    assert!(english.text.contains("seats"), "{}", english.text);
}

#[tokio::test]
async fn who_may_be_in_line_is_not_shown_out_of_it() {
    let scene = Scene::new().await;
    let shopper = browser(1);
    let own = cookie(&shopper);
    scene.owner.join(&shopper).await;
    let place =
        |text: &str| text.split_once("\"known\":").map(|(_, rest)| rest.starts_with("true"));
    let shown = async |path: &str| {
        let page = scene.get(path, &[("cookie", &own)]).await;
        assert_eq!(page.status, 200);
        place(&page.text).expect("the page says whether the place is known")
    };
    assert!(shown("/e/popup").await);
    let ahead = format!("/e/popup?seen={}", scene.owner.next());
    assert!(!shown(&ahead).await, "the view is not there yet");
    scene.view.wipe();
    assert!(!shown("/e/popup").await, "the view is gone");
    scene.owner.build().await;
    assert!(shown("/e/popup").await);
}

#[tokio::test]
async fn trouble_has_a_page_too() {
    let scene = Scene::new().await;
    scene.get("/e/popup", &[]).await;
    for path in ["/e/nope", "/e/NOT%20AN%20ID"] {
        let page = scene.get(path, &[]).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    }
    let scene = Scene::empty(Limits::default(), Faults::default());
    let page = scene.get("/e/popup?seen=7", &[]).await;
    assert_eq!(page.status, 503);
    assert!(!page.header("retry-after").is_empty());
    assert!(page.text.contains("/e/popup?seen=7"), "try again leads back here");
}
