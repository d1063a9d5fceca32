// A story in a browser: told by a script, and led by the test that started it, a line at a time.
//
// The first line that comes is JSON of what the test knows; `reached` says where the story is, and waits for the next line. A
// story that ends well prints {"ended": …}; one that does not, throws.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Generous for a machine that compiles beside it. */
const PATIENCE_MS = 30_000;

/** A camera and a microphone that are none, and a browser that asks nobody outside for anything. */
const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

/** Tells a story to its end; `more` are arguments that its browser needs besides. */
export async function story(tell, more = []) {
  const request = JSON.parse((await lines.next()).value);
  const browser = await chromium.launch({ executablePath: request.chromium, args: [...ARGUMENTS, ...more] });
  const people = [];
  const person = (options) => join(browser, people, request, options);
  try {
    const ended = await tell({ ...request, browser, person, reached });
    for (const { name, complaints } of people) assert.deepEqual(complaints, [], `${name} sees errors`);
    console.log(JSON.stringify({ ended: ended ?? null }));
  } catch (error) {
    // What was to be seen says more than the error.
    for (const { name, page } of people) {
      console.error(`${name} at ${page.url()}: ${await page.locator('main').innerText().catch(() => '')}`);
      await picture(request, page, `failed-${name}`).catch(() => {});
    }
    throw error;
  } finally {
    await browser.close();
  }
}

/** Says where the story is; goes on when the test says so. */
async function reached(step, facts = {}) {
  console.log(JSON.stringify({ reached: step, ...facts }));
  await lines.next();
}

/**
 * Somebody with a browser of their own: a page, and what it must never show: errors in scripts, and anything that the
 * page's policy had to stop. `expects` is a pattern of complaints that belong to the story.
 */
async function join(browser, people, request, { name, language = 'es', width = 1280, height = 800, scheme = 'light', expects } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, locale: language, colorScheme: scheme,
    // A colour on its way from one scheme to the other is none that anybody reads.
    reducedMotion: 'reduce',
    permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints = [];
  const complain = (text) => expects?.test(text) || complaints.push(text);
  page.on('pageerror', (error) => complain(`script: ${error.message}`));
  page.on('console', (message) => {
    // The browser's own word for an answer that is no success; pages say those in words of theirs.
    const answer = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !answer) complain(`console: ${message.text()}`);
  });
  people.push({ name, page, complaints });
  return page;
}

/** Keeps a picture of a page among what the tests put out. */
export async function picture(request, page, name) {
  await mkdir(request.pictures, { recursive: true });
  await page.screenshot({ path: `${request.pictures}/${name}.png` });
}

/** What axe finds serious: rules of WCAG 2.2 AA and good practice, by their names and where. */
export async function barriers(page) {
  // Evaluated by the browser's own tools, which no policy of the page stops.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const serious = found.violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/** Whether a page is wider than the window: it must never scroll sideways. */
export function isTooWide(page) {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

/** Asks the backend, as no page does. */
export async function ask(request, method, path, body) {
  const response = await fetch(`${request.base}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-backend-secret': request.secret },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : null };
}

/** The same, where nothing else than success will do. */
export async function done(request, method, path, body) {
  const answer = await ask(request, method, path, body);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
