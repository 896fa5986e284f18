// What the page is: small, strict, in the reader's language and time.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { HELD_BACK } from '../server.js';
import { Shopper } from '../shopper.js';

const PAGE_BYTES_MAX = 30 * 1024;

async function claims(server, pass) {
  const { keys } = await (await fetch(`${server.origin}/.well-known/jwks.json`)).json();
  const [head, body, signature] = pass.split('.');
  const part = (text) => JSON.parse(Buffer.from(text, 'base64url'));
  const jwk = keys.find(({ kid }) => kid === part(head).kid);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const signed = (text) => verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  assert.equal(part(head).alg, 'EdDSA');
  assert.ok(signed(`${head}.${body}`), 'the pass is signed by a published key');
  assert.ok(!signed(`${head}.${body}x`), 'and nothing else is');
  return part(body);
}

export default {
  async 'all in all it is at most 30 KB compressed'({ server }) {
    const url = await server.event('weight');
    const page = await fetch(url);
    const html = await page.text();
    const files = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, file]) => file);
    assert.equal(files.length, 3);
    let bytes = gzipSync(html).length;
    for (const file of files) {
      const answer = await fetch(server.origin + file);
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('cache-control'), /immutable/);
      bytes += gzipSync(Buffer.from(await answer.arrayBuffer())).length;
    }
    console.log(`     page, script, style and icon: ${bytes} bytes`);
    assert.ok(bytes <= PAGE_BYTES_MAX, `${bytes} bytes`);
    assert.match(page.headers.get('cache-control'), /no-store/);
    assert.match(page.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'/);
  },

  async 'nothing is loaded from elsewhere, and the policy holds'({ server, browser }) {
    const url = await server.event('strict');
    const shopper = await Shopper.arrive(browser, 'about:blank');
    const asked = new Set();
    shopper.page.on('request', (request) => asked.add(new URL(request.url()).origin));
    await shopper.page.addInitScript(() => {
      window.violations = [];
      addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));
    });
    await shopper.page.goto(url);
    await shopper.join();
    await shopper.sees('inside');
    assert.deepEqual([...asked], [server.origin]);
    assert.deepEqual(await shopper.page.evaluate(() => window.violations), []);
    const ran = await shopper.page.evaluate(() => {
      const script = document.createElement('script');
      try { script.textContent = 'window.inline = true'; } catch { return 'refused'; }
      document.body.append(script);
      return window.inline ? 'ran' : 'refused';
    });
    assert.equal(ran, 'refused', 'an inline script');
    await shopper.leave().catch((error) => assert.match(error.message, /Trusted|Content Security Policy/i));
  },

  async 'Korean for those who ask for it'({ server, browser }) {
    const url = await server.event('korean', { admission: HELD_BACK });
    const shopper = await Shopper.arrive(browser, url, { locale: 'ko-KR' });
    assert.equal(await shopper.page.locator('html').getAttribute('lang'), 'ko');
    assert.equal(await shopper.text('h1'), '반짝 팝업');
    await shopper.press('예약하기');
    await shopper.sees('waiting');
    await shopper.live();
    assert.equal(await shopper.text('#link'), '실시간');
    assert.equal(await shopper.page.title(), '내 앞 0 · 반짝 팝업');
    await shopper.accessible();
    await server.admission('korean', {});
    await shopper.sees('inside');
    await shopper.accessible();
    await shopper.leave();
  },

  async 'slots in the event’s time, and in the viewer’s where it differs'({ server, browser }) {
    const url = await server.event('zones');
    const there = await Shopper.arrive(browser, url, { timezoneId: 'Asia/Seoul' });
    const away = await Shopper.arrive(browser, url, { timezoneId: 'America/New_York' });
    for (const shopper of [there, away]) assert.equal(await shopper.text('[data-slot=a] time'), '11:00');
    assert.equal(await there.page.locator('.slots .mine').count(), 0);
    assert.match(await away.text('[data-slot=a] .mine'), /Wed.*21:00 your time/);
    await away.accessible();
    await there.leave();
    await away.leave();
  },

  async 'motion and colours as the reader wants them'({ server, browser }) {
    const url = await server.event('motion', { admission: HELD_BACK });
    const moving = (page) => page.evaluate(() => document.getAnimations().length);
    const shopper = await Shopper.arrive(browser, url);
    assert.ok((await moving(shopper.page)) > 0, 'the sky twinkles');
    await shopper.page.emulateMedia({ reducedMotion: 'reduce' });
    assert.equal(await moving(shopper.page), 0);
    await shopper.page.emulateMedia({ forcedColors: 'active' });
    await shopper.join();
    await shopper.sees('waiting');
    const border = await shopper.page.locator('[data-name=waiting]').evaluate((one) => getComputedStyle(one).borderTopStyle);
    assert.equal(border, 'solid');
    await shopper.leave();
  },

  async 'the pass can be verified by anyone'({ server, browser }) {
    const url = await server.event('pass');
    const shopper = await Shopper.arrive(browser, url);
    await shopper.join();
    await shopper.sees('inside');
    const own = await shopper.ownState('pass');
    const told = await claims(server, own.pass);
    assert.equal(told.sub, own.ticket);
    assert.equal([told.aud].flat()[0], 'pass');
    assert.ok(told.jti);
    assert.equal(told.exp, Math.floor(Date.parse(own.until) / 1_000));
    await shopper.leave();
  },

  async 'a queue only sends those it lets in to the shop, with the pass'({ server, browser }) {
    const shop = createServer((request, answer) => {
      answer.setHeader('content-type', 'text/html');
      answer.end('<link rel="icon" href="data:,"><title>shop</title>');
    }).listen(0, '127.0.0.1');
    await once(shop, 'listening');
    const shopUrl = `http://127.0.0.1:${shop.address().port}/in?from=line`;
    try {
      const url = await server.event('queue-only', { slots: [], return_url: shopUrl });
      const shopper = await Shopper.arrive(browser, url);
      await shopper.join();
      await shopper.page.waitForURL(/twinkle_pass=/);
      const landed = new URL(shopper.page.url());
      assert.equal(landed.searchParams.get('from'), 'line');
      const told = await claims(server, landed.searchParams.get('twinkle_pass'));
      assert.equal([told.aud].flat()[0], 'queue-only');
      await shopper.page.goto(url);
      await shopper.sees('pass');
      await shopper.accessible();
      assert.match(await shopper.page.locator('#onward').getAttribute('href'), /twinkle_pass=/);
      const plain = await Shopper.arrive(browser, url, { js: false });
      await plain.join();
      await plain.sees('admitted');
      await plain.press('Go in');
      await plain.sees('pass');
      await plain.page.locator('#onward').click();
      await plain.page.waitForURL(/twinkle_pass=/);
      await plain.leave();
      await shopper.leave();
    } finally {
      shop.close();
    }
  },

  async 'an event nobody knows is told in words'({ server, browser }) {
    const shopper = await Shopper.arrive(browser, `${server.origin}/e/nothing-here`, { expected: /404/ });
    assert.match(await shopper.text('main'), /no event of this name/);
    await shopper.accessible();
    await shopper.leave();
  },
};
