// Bad networks: lost answers, lost streams, a server that goes away.

import assert from 'node:assert/strict';
import { HELD_BACK, Server } from '../server.js';
import { Shopper } from '../shopper.js';

const LOST = /ERR_|WebSocket|Failed to load resource|net::/;
const link = (shopper, state) => shopper.page.locator(`#link[data-link=${state}]`).waitFor({ timeout: 40_000 });

export default {
  async 'a server killed in mid-wait comes back and the place with it'({ browser }) {
    const server = await Server.start();
    try {
      const url = await server.event('restart', { admission: HELD_BACK });
      const before = await Shopper.arrive(browser, url);
      await before.join();
      await before.sees('waiting');
      const shopper = await Shopper.arrive(browser, url, { expected: LOST });
      await shopper.join();
      await shopper.sees('waiting');
      await shopper.live();
      assert.equal(await shopper.bound('position'), '2');
      await before.leave();
      await server.end('SIGKILL');
      await link(shopper, 'reconnecting');
      await shopper.sees('waiting');
      await shopper.accessible();
      await server.run();
      await link(shopper, 'live');
      assert.equal(await shopper.bound('position'), '2');
      await server.admission('restart', {});
      await shopper.sees('inside');
      await server.end('SIGTERM');
      await link(shopper, 'reconnecting');
      await server.run();
      await link(shopper, 'live');
      await shopper.sees('inside');
      await shopper.leave();
    } finally {
      await server.remove();
    }
  },

  async 'offline is shown, and what was missed is caught up on'({ server, browser }) {
    const url = await server.event('offline', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url, { expected: LOST });
    await shopper.join();
    await shopper.sees('waiting');
    await shopper.live();
    await shopper.context.setOffline(true);
    await link(shopper, 'offline');
    await shopper.accessible();
    await server.operate('POST', 'offline/pause');
    await shopper.context.setOffline(false);
    await link(shopper, 'live');
    await shopper.page.locator('#paused').waitFor();
    await shopper.leave();
  },

  async 'without a stream the page asks now and then'({ server, browser }) {
    const url = await server.event('no-stream', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url, { expected: LOST });
    await shopper.page.routeWebSocket(/stream/, (socket) => socket.close());
    await shopper.page.reload();
    await shopper.join();
    await link(shopper, 'polling');
    await shopper.page.locator('body[data-view=waiting]').waitFor({ timeout: 40_000 });
    await server.admission('no-stream', {});
    await shopper.page.locator('body[data-view=inside]').waitFor({ timeout: 40_000 });
    await shopper.leave();
  },

  async 'a lost answer is asked for again under the same key and number'({ server, browser }) {
    const url = await server.event('lost-answer');
    const shopper = await Shopper.arrive(browser, url, { expected: LOST });
    await shopper.join();
    await shopper.sees('inside');
    const asked = [];
    await shopper.page.route('**/hold?*', async (route) => {
      const headers = route.request().headers();
      asked.push(`${headers['idempotency-key']} ${headers['twinkle-seq']}`);
      const answer = await route.fetch();
      if (asked.length === 1) await route.abort('connectionreset');
      else await route.fulfill({ response: answer });
    });
    await shopper.choose('c', 2);
    await shopper.press('Hold these seats');
    await shopper.sees('holding');
    while (asked.length < 2) await shopper.page.waitForTimeout(100);
    assert.equal(asked[1], asked[0]);
    assert.equal((await server.facts('lost-answer')).slots.find(({ id }) => id === 'c').remaining, 0);
    await shopper.sees('holding');
    await shopper.leave();
  },

  async 'a busy service is asked again when it says so'({ server, browser }) {
    const url = await server.event('busy');
    const shopper = await Shopper.arrive(browser, url, { expected: LOST });
    const times = [];
    await shopper.page.route('**/tickets', async (route) => {
      times.push(Date.now());
      if (times.length > 1) return route.continue();
      const body = JSON.stringify({ code: 'overloaded', detail: 'Busy.', retryable: true });
      return route.fulfill({ status: 503, headers: { 'retry-after': '3', 'content-type': 'application/problem+json' }, body });
    });
    await shopper.join();
    await shopper.sees('inside');
    assert.ok(times[1] - times[0] >= 3_000, `asked again after ${times[1] - times[0]} ms`);
    await shopper.leave();
  },

  async 'two tabs share one ticket and its numbers'({ server, browser }) {
    const url = await server.event('tabs', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('waiting');
    const second = await shopper.tab(url);
    await shopper.sees('waiting', second);
    assert.equal(await shopper.bound('position', second), '1');
    await server.admission('tabs', {});
    await shopper.sees('inside');
    await shopper.sees('inside', second);
    await shopper.choose('a', 2);
    await shopper.press('Hold these seats');
    await shopper.sees('holding', second);
    await shopper.choose('c', 1, second);
    await shopper.press('Change to this', second);
    await shopper.page.locator('[data-slot=c].own').waitFor();
    const { last } = await shopper.ownState('tabs');
    const stored = (page) => page.evaluate(() => Number(localStorage['twinkle:tabs:seq']));
    assert.equal(await stored(shopper.page), last.seq);
    await shopper.press('Give the seats back');
    await shopper.sees('inside', second);
    assert.ok((await shopper.ownState('tabs')).last.seq > last.seq);
    assert.equal(await shopper.page.locator('#problem').isVisible(), false);
    await shopper.leave();
  },

  async 'a number that is behind catches up'({ server, browser }) {
    const url = await server.event('stale');
    const shopper = await Shopper.arrive(browser, url, { expected: /409 \(/ });
    await shopper.hold('a');
    const numbers = [];
    await shopper.page.route('**/hold?*', async (route) => {
      const headers = { ...route.request().headers() };
      if (numbers.length === 0) headers['twinkle-seq'] = '1';
      numbers.push(headers['twinkle-seq']);
      await route.continue({ headers });
    });
    const { last } = await shopper.ownState('stale');
    assert.ok(last.seq > 1);
    await shopper.choose('c', 1);
    await shopper.press('Change to this');
    await shopper.page.locator('[data-slot=c].own').waitFor();
    assert.equal(numbers.length, 2);
    assert.ok(Number(numbers[1]) > last.seq);
    await shopper.leave();
  },
};
