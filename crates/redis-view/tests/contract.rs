//! The contract of the view on one server.

use testbed::Redis;
use twinkle_redis_view::{RedisConfig, RedisView};

ports::view_contract!({
    let redis = Redis::start().expect("Redis starts");
    async move || {
        let view = RedisView::connect(RedisConfig::new(redis.url())).expect("a good address");
        (view.clone(), view)
    }
});
