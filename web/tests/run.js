// Every check against the real binary in a real Chromium. The last line counts them.

import { readdir } from 'node:fs/promises';
import { Server } from './server.js';
import { openBrowser } from './shopper.js';

const CHECK_MAX_MS = 120_000;
const only = process.argv[2];
const suites = (await readdir(new URL('suites/', import.meta.url))).sort();

const server = await Server.start();
const browser = await openBrowser();
let passed = 0;
const failed = [];

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function check(name, run) {
  if (only && !name.includes(only)) return;
  const began = Date.now();
  try {
    await within(CHECK_MAX_MS, run({ server, browser }));
    passed += 1;
    console.log(`ok   ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed.push(name);
    console.log(`FAIL ${name}\n${error.stack}`);
  } finally {
    await Promise.all(browser.contexts().map((context) => context.close()));
  }
}

try {
  for (const file of suites) {
    const { default: checks } = await import(new URL(`suites/${file}`, import.meta.url));
    for (const [name, run] of Object.entries(checks)) await check(`${file.replace('.js', '')}: ${name}`, run);
  }
} finally {
  await browser.close();
  await server.remove();
}
if (failed.length > 0 || passed === 0) {
  console.log(`server's last words:\n${server.output.slice(-3_000)}`);
  console.log(`browser: ${failed.length} checks FAILED: ${failed.join('; ')}`);
  process.exit(1);
}
console.log(`browser: ${passed} checks passed`);
