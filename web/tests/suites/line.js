// The line itself: pausing, closing, leaving, turns that pass, times.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { HELD_BACK } from '../server.js';
import { Shopper } from '../shopper.js';

const inSecs = (secs) => new Date(Date.now() + secs * 1_000).toISOString();

export default {
  async 'paused, resumed and closed are told while waiting'({ server, browser }) {
    const url = await server.event('pausing', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('waiting');
    await shopper.live();
    await server.operate('POST', 'pausing/pause');
    await shopper.page.locator('#paused').waitFor();
    assert.equal(await shopper.text('#say'), 'The line is paused. Your place is kept.');
    await shopper.accessible();
    await shopper.page.reload();
    await shopper.page.locator('#paused').waitFor();
    await shopper.live();
    await server.operate('POST', 'pausing/resume');
    await shopper.page.locator('#paused').waitFor({ state: 'hidden' });
    await shopper.sees('waiting');
    await server.operate('POST', 'pausing/close');
    await shopper.sees('closed');
    await shopper.accessible();
    await shopper.page.reload();
    await shopper.sees('closed');
    await shopper.leave();
  },

  async 'seats held when the event closes can still be confirmed'({ server, browser }) {
    const url = await server.event('closing');
    const shopper = await Shopper.arrive(browser, url);
    await shopper.hold('a');
    await server.operate('POST', 'closing/close');
    await shopper.page.locator('#closing').waitFor();
    await shopper.sees('holding');
    await shopper.accessible();
    await shopper.press('Confirm booking');
    await shopper.sees('booked');
    await shopper.leave();
  },

  async 'who leaves can join again at the end'({ server, browser }) {
    const url = await server.event('leaving', { admission: HELD_BACK });
    const [one, other] = [await Shopper.arrive(browser, url), await Shopper.arrive(browser, url)];
    await one.join();
    await one.sees('waiting');
    await other.join();
    await other.sees('waiting');
    assert.equal(await other.bound('ahead'), '1');
    await one.page.getByText('Leave the line').click();
    await one.press('Leave for good');
    await one.sees('ended');
    assert.equal(await one.bound('ended'), 'You left the line');
    await one.accessible();
    await other.page.locator('[data-b=ahead] >> text="0"').waitFor();
    await one.press('Join the line again');
    await one.sees('waiting');
    assert.equal(await one.bound('position'), '3');
    await one.page.reload();
    await one.sees('waiting');
    assert.equal(await one.bound('position'), '3');
    await one.leave();
    await other.leave();
  },

  async 'a turn that nobody takes passes'({ server, browser }) {
    const url = await server.event('no-show', { admission: { claim_secs: 3 } });
    const shopper = await Shopper.arrive(browser, url, { js: false });
    await shopper.join();
    await shopper.sees('ended');
    assert.equal(await shopper.bound('ended'), 'Your turn has passed');
    await shopper.leave();
  },

  async 'a window that ends is told and the line can be joined again'({ server, browser }) {
    const url = await server.event('window', { admission: { window_secs: 3 } });
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('inside');
    await shopper.sees('ended');
    assert.equal(await shopper.bound('ended'), 'Your turn has passed');
    await shopper.accessible();
    await shopper.press('Join the line again');
    await shopper.sees('inside');
    await shopper.leave();
  },

  async 'a line before the opening counts down and opens by itself'({ server, browser }) {
    const times = { prequeue_at: inSecs(-60), opens_at: inSecs(8) };
    const url = await server.event('prequeue', times, false);
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('waiting');
    await shopper.page.locator('#waiting-opens').waitFor();
    await shopper.accessible();
    await shopper.sees('inside');
    await shopper.leave();
  },

  async 'who is early sees when it opens, and then the button'({ server, browser }) {
    const url = await server.event('early', { opens_at: inSecs(8) }, false);
    const shopper = await Shopper.arrive(browser, url);
    await shopper.sees('soon');
    assert.match(await shopper.text('[data-name=soon] [data-timer]'), /^0:0\d$/);
    await shopper.accessible();
    await shopper.sees('join');
    await shopper.leave();
  },

  async 'the place is spoken once, not at every beat'({ server, browser }) {
    const url = await server.event('speech', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url);
    await shopper.page.evaluate(() => {
      window.spoken = 0;
      new MutationObserver(() => { window.spoken += 1; }).observe(document.getElementById('say'), { childList: true });
    });
    await shopper.join();
    await shopper.sees('waiting');
    await pause(3_000);
    assert.equal(await shopper.page.evaluate(() => window.spoken), 1);
    assert.match(await shopper.text('#say'), /^Your place is 1\. 0 ahead of you\.$/);
    await shopper.leave();
  },
};
