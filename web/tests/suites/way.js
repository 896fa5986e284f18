// The whole way, with a script and without.

import assert from 'node:assert/strict';
import { HELD_BACK } from '../server.js';
import { Shopper } from '../shopper.js';

export default {
  async 'from the link to the booking number, with JavaScript'({ server, browser }) {
    const url = await server.event('way', { admission: HELD_BACK });
    const first = await Shopper.arrive(browser, url);
    const shopper = await Shopper.arrive(browser, url);
    await first.join();
    await first.sees('waiting');
    await shopper.accessible();
    await shopper.join();
    await shopper.sees('waiting');
    await shopper.live();
    assert.equal(await shopper.bound('position'), '2');
    assert.equal(await shopper.bound('ahead'), '1');
    assert.match(await shopper.page.title(), /^1 ahead · Twinkle pop-up$/);
    await shopper.accessible();
    await server.admission('way', {});
    await shopper.sees('inside');
    assert.match(await shopper.page.title(), /^Your turn!/);
    assert.equal(await shopper.text('#shout'), 'It’s your turn.');
    assert.equal(await shopper.page.evaluate(() => document.activeElement.tagName), 'H2');
    await shopper.accessible();
    await shopper.choose('a', 2);
    await shopper.press('Hold these seats');
    await shopper.sees('holding');
    assert.match(await shopper.bound('hold_slot'), /11:00/);
    assert.match(await shopper.text('[data-timer=hold]'), /^(5:0\d|4:5\d)$/);
    await shopper.accessible();
    await shopper.press('Confirm booking');
    await shopper.sees('booked');
    const { booking } = await shopper.ownState('way');
    assert.equal(await shopper.bound('booking'), booking.booking);
    assert.deepEqual([booking.slot, booking.seats], ['a', 2]);
    await shopper.accessible();
    await shopper.leave();
    await first.leave();
  },

  async 'from the link to the booking number, without JavaScript'({ server, browser }) {
    const url = await server.event('plain', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url, { js: false });
    await shopper.join();
    await shopper.sees('waiting');
    assert.equal(await shopper.bound('position'), '1');
    assert.equal(await shopper.page.locator('meta[http-equiv=refresh]').count(), 1);
    await shopper.accessiblePlain();
    await server.admission('plain', {});
    await shopper.sees('admitted'); // by itself: the page refreshes
    await shopper.accessiblePlain();
    await shopper.press('Go in');
    await shopper.sees('inside');
    await shopper.choose('c', 2);
    await shopper.press('Hold these seats');
    await shopper.sees('holding');
    assert.equal(await shopper.bound('hold_seats'), '2');
    await shopper.choose('a', 1);
    await shopper.press('Change to this');
    await shopper.page.locator('[data-slot=a].own').waitFor();
    await shopper.press('Give the seats back');
    await shopper.sees('inside');
    await shopper.choose('a', 2);
    await shopper.press('Hold these seats');
    await shopper.sees('holding');
    await shopper.press('Confirm booking');
    await shopper.sees('booked');
    assert.match(await shopper.bound('booking'), /^\d+-\d+$/);
    await shopper.page.getByText('Cancel this booking').click();
    await shopper.press('Cancel my booking');
    await shopper.sees('ended');
    assert.equal(await shopper.bound('ended'), 'Your booking is cancelled');
    await shopper.accessiblePlain();
    await shopper.press('Join the line again');
    await shopper.sees('admitted');
    await shopper.page.getByText('Leave the line').click();
    await shopper.press('Leave for good');
    await shopper.sees('ended');
    assert.equal(await shopper.bound('ended'), 'You left the line');
    await shopper.leave();
  },

  async 'what can’t be known yet is never shown as "not in line"'({ server, browser }) {
    const url = await server.event('unknown', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url, { js: false });
    await shopper.join();
    await shopper.sees('waiting');
    await shopper.page.goto(`${url}?seen=1000000000`);
    await shopper.sees('finding');
    assert.equal(await shopper.page.locator('meta[http-equiv=refresh]').count(), 1);
    await shopper.accessiblePlain();
    await shopper.leave();
  },

  async 'a refusal without JavaScript says what happened'({ server, browser }) {
    const url = await server.event('plain-refusal');
    const late = await Shopper.arrive(browser, url, { js: false });
    await late.join();
    await late.sees('admitted');
    await late.press('Go in');
    await late.sees('inside');
    const quick = await Shopper.arrive(browser, url);
    await quick.book('b');
    await late.choose('b');
    await late.press('Hold these seats');
    await late.page.locator('#problem').waitFor();
    assert.match(await late.text('#problem p'), /fewer seats left/);
    await late.sees('inside');
    assert.equal(await late.slot('b').isDisabled(), true);
    await late.leave();
    await quick.leave();
  },

  async 'a reload keeps the place in every state'({ server, browser }) {
    const url = await server.event('reload', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url);
    const reload = async (view, name) => {
      await shopper.sees(view);
      const before = await shopper.bound(name);
      await shopper.page.reload();
      await shopper.sees(view);
      assert.equal(await shopper.bound(name), before);
      await shopper.live();
    };
    await shopper.join();
    await reload('waiting', 'position');
    await server.admission('reload', {});
    await reload('inside', 'until');
    await shopper.choose('c', 2);
    await shopper.press('Hold these seats');
    await reload('holding', 'hold_until');
    await shopper.press('Confirm booking');
    await reload('booked', 'booking');
    await shopper.leave();
  },

  async 'by keyboard alone'({ server, browser }) {
    const url = await server.event('keyboard');
    const shopper = await Shopper.arrive(browser, url);
    const { keyboard } = shopper.page;
    const tabTo = async (selector) => {
      for (let i = 0; i < 20; i += 1) {
        if (await shopper.page.locator(selector).evaluate((one) => one === document.activeElement)) return;
        await keyboard.press('Tab');
      }
      throw new Error(`${selector} can't be reached`);
    };
    await tabTo('[data-name=join] button');
    await keyboard.press('Enter');
    await shopper.sees('inside');
    await tabTo('[data-slot=a] input');
    await keyboard.press('Space');
    await keyboard.press('ArrowDown');
    assert.equal(await shopper.slot('b').isChecked(), true);
    await tabTo('#bar button');
    await keyboard.press('Enter');
    await shopper.sees('holding');
    await tabTo('[data-do=book] button');
    await keyboard.press('Enter');
    await shopper.sees('booked');
    assert.equal((await shopper.ownState('keyboard')).booking.slot, 'b');
    await shopper.leave();
  },
};
