// A shopper: a browser profile of their own in a real Chromium.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const SOON_MS = 15_000;
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function openBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

export class Shopper {
  /** `expected`: console errors that belong to what the check does, such as a refusal's 409. */
  static async arrive(browser, url, { js = true, expected, ...options } = {}) {
    const shopper = new Shopper();
    shopper.context = await browser.newContext({
      javaScriptEnabled: js,
      locale: 'en-US',
      timezoneId: 'Asia/Seoul',
      viewport: { width: 390, height: 844 },
      ...options,
    });
    shopper.context.setDefaultTimeout(SOON_MS);
    shopper.expected = expected;
    shopper.errors = [];
    shopper.page = await shopper.tab(url);
    return shopper;
  }

  async tab(url) {
    const page = await this.context.newPage();
    const wrong = (text) => this.expected?.test(text) || this.errors.push(text);
    page.on('console', (message) => message.type() === 'error' && wrong(`${message.text()} ${message.location().url}`));
    page.on('pageerror', (error) => wrong(String(error)));
    await page.goto(url);
    return page;
  }

  /** Waits until a view is shown; without JavaScript the page comes back by itself. */
  async sees(view, page = this.page) {
    await page.locator(`body[data-view="${view}"]`).waitFor({ state: 'attached' });
    const shown = await page.locator('[data-name]:visible').evaluateAll((all) => all.map((one) => one.dataset.name));
    assert.deepEqual(shown, [view]);
  }

  async live(page = this.page) {
    await page.locator('#link[data-link=live]').waitFor();
  }

  text(selector, page = this.page) {
    return page.locator(selector).first().textContent();
  }

  bound(name, page = this.page) {
    return this.text(`[data-b="${name}"]`, page);
  }

  press(name, page = this.page) {
    return page.locator('main').getByRole('button', { name, exact: true }).click();
  }

  async choose(slot, seats = 1, page = this.page) {
    await page.locator(`[data-slot="${slot}"]`).click();
    await page.locator(`.seats label:has([value="${seats}"])`).click();
  }

  slotSays(id, text) {
    return this.page.locator(`[data-slot="${id}"] .left`).getByText(text, { exact: true }).waitFor();
  }

  slot(id, page = this.page) {
    return page.locator(`[data-slot="${id}"] input`);
  }

  async join(page = this.page) {
    await this.sees('join', page);
    await this.press('Reserve', page);
  }

  /** From the page's first view to seats held. */
  async hold(slot, seats = 1) {
    await this.join();
    await this.sees('inside');
    await this.choose(slot, seats);
    await this.press('Hold these seats');
    await this.sees('holding');
  }

  async book(slot, seats = 1) {
    await this.hold(slot, seats);
    await this.press('Confirm booking');
    await this.sees('booked');
  }

  async ownState(event) {
    const answer = await this.context.request.get(new URL(`/api/v1/events/${event}/ticket`, this.page.url()).href);
    return answer.json();
  }

  /** Nothing that axe finds, in light and dark, and nothing wider than a small phone. */
  async accessible(page = this.page) {
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.evaluate(axeSource);
      const found = await page.evaluate(() => window.axe.run(document, { preload: false }));
      const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
      assert.deepEqual(told, [], `axe, ${colorScheme}`);
    }
    await this.fits(page);
  }

  /** As accessible(), for a page without JavaScript: axe needs it, so the page's own is left out. */
  async accessiblePlain() {
    const storageState = await this.context.storageState();
    const context = await this.context.browser().newContext({ storageState, locale: 'en-US' });
    await context.route('**/assets/*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
    await context.route(this.page.url(), async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/<meta http-equiv="refresh"[^>]*>/, '');
      await route.fulfill({ response, body: body.replaceAll('noscript>', 'div>') });
    });
    const page = await context.newPage();
    await page.goto(this.page.url());
    await this.accessible(page);
    await context.close();
  }

  async fits(page = this.page) {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 320, height: 640 });
    for (const dir of ['rtl', 'ltr']) {
      const over = await page.evaluate((to) => {
        document.documentElement.dir = to;
        return document.documentElement.scrollWidth - innerWidth;
      }, dir);
      assert.ok(over <= 0, `${over} px too wide at 320 px, ${dir}`);
    }
    await page.setViewportSize(before);
  }

  async leave() {
    await this.context.close();
    assert.deepEqual(this.errors, [], 'nothing on the console');
  }
}
