// Live seats, holds, and what becomes of them.

import assert from 'node:assert/strict';
import { Shopper } from '../shopper.js';

const REFUSED = /409 \(/;

export default {
  async 'one books the last seat and the other sees it disabled'({ server, browser }) {
    const url = await server.event('last-seat');
    const [one, other] = [await Shopper.arrive(browser, url), await Shopper.arrive(browser, url)];
    await other.join();
    await other.sees('inside');
    await other.slot('b').check({ force: true });
    assert.equal(await other.slot('b').isEnabled(), true);
    await one.book('b');
    await other.page.locator('[data-slot=b].gone').waitFor();
    assert.equal(await other.slot('b').isDisabled(), true);
    assert.equal(await other.slot('b').isChecked(), false);
    await other.slotSays('b', 'Sold out');
    assert.match(await other.text('#say'), /12:00 has just sold out/);
    await other.accessible();
    await one.page.getByText('Cancel this booking').click();
    await one.press('Cancel my booking');
    await one.sees('ended');
    await other.page.locator('[data-slot=b]:not(.gone)').waitFor();
    assert.equal(await other.slot('b').isEnabled(), true);
    await one.leave();
    await other.leave();
  },

  async 'a hold can be changed to another time and given back'({ server, browser }) {
    const url = await server.event('swap');
    const shopper = await Shopper.arrive(browser, url);
    await shopper.hold('c', 2);
    await shopper.slotSays('c', 'Yours');
    assert.equal(await shopper.slot('c').isEnabled(), true, 'own seats never lock their owner out');
    await shopper.choose('a', 2);
    await shopper.press('Change to this');
    await shopper.page.locator('[data-slot=a].own').waitFor();
    await shopper.slotSays('c', 'Only 2 left');
    await shopper.press('Give the seats back');
    await shopper.sees('inside');
    assert.equal((await shopper.ownState('swap')).state, 'inside');
    await shopper.leave();
  },

  async 'a hold that runs out says so and leaves the shopper inside'({ server, browser }) {
    const url = await server.event('hold-over', { hold_secs: 3 });
    const shopper = await Shopper.arrive(browser, url);
    await shopper.hold('b');
    assert.match(await shopper.text('#shout'), /less than a minute/);
    await shopper.sees('inside');
    assert.match(await shopper.text('#problem p'), /Your hold ran out/);
    await shopper.page.locator('[data-slot=b]:not(.gone)').waitFor();
    await shopper.accessible();
    await shopper.choose('b');
    await shopper.press('Hold these seats');
    await shopper.sees('holding');
    assert.equal(await shopper.page.locator('#problem').isVisible(), false);
    await shopper.leave();
  },

  async 'too few seats are refused in words'({ server, browser }) {
    const url = await server.event('too-few');
    const shopper = await Shopper.arrive(browser, url, { expected: REFUSED });
    await shopper.join();
    await shopper.sees('inside');
    await shopper.choose('b', 2);
    await shopper.press('Hold these seats');
    await shopper.page.locator('#problem').waitFor();
    assert.match(await shopper.text('#problem p'), /fewer seats/);
    await shopper.sees('inside');
    await shopper.accessible();
    await shopper.leave();
  },

  async 'sold out: those who wait are told, and let in when seats return'({ server, browser }) {
    const slots = [{ id: 'only', starts_at: '2030-12-05T11:00:00+09:00', capacity: 1 }];
    const url = await server.event('sold-out', { slots, seats_per_ticket: 1 });
    const [one, other] = [await Shopper.arrive(browser, url), await Shopper.arrive(browser, url)];
    await one.join();
    await one.sees('inside');
    await one.page.locator('[data-slot=only]').click();
    await one.press('Hold these seats');
    await one.sees('holding');
    await one.press('Confirm booking');
    await one.sees('booked');
    await other.page.locator('#sold-out').waitFor();
    await other.join();
    await other.sees('waiting');
    await other.page.locator('#sold-out').waitFor();
    assert.equal(await other.bound('left'), '0');
    await other.accessible();
    await one.page.getByText('Cancel this booking').click();
    await one.press('Cancel my booking');
    await other.sees('inside');
    await one.leave();
    await other.leave();
  },

  async 'a capacity raised by the operator shows at once'({ server, browser }) {
    const url = await server.event('capacity');
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('inside');
    await server.operate('PATCH', 'capacity/slots/b', { capacity: 9 });
    await shopper.slotSays('b', '9 left');
    await shopper.leave();
  },
};
