// How light the pages are: what each loads, and when something is seen of it over a slow line.

import assert from 'node:assert/strict';

import { story } from './story.mjs';

/** As Chromium's tools have "slow 4G": 1.6 Mbit/s, and 150 ms there and back. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 };
const LIGHT_BYTES = 100 * 1024;
const SOON_MS = 1_000;

await story(async ({ person, ...request }) => {
  const found = {};
  for (const path of ['/panel', `/studio/${request.id}`, '/console']) {
    const page = await person({ name: path });
    const tools = await page.context().newCDPSession(page);
    await tools.send('Network.enable');
    await tools.send('Network.emulateNetworkConditions', SLOW);
    await page.goto(`${request.base}${path}`, { waitUntil: 'networkidle' });
    const seen = await page.evaluate(() => {
      const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
      const sum = (field) => entries.reduce((total, entry) => total + entry[field], 0);
      const [paint] = performance.getEntriesByName('first-contentful-paint');
      return { paint: Math.round(paint.startTime), bytes: sum('decodedBodySize'), sent: sum('encodedBodySize'), requests: entries.length };
    });
    const word = path.split('/')[1];
    found[word] = seen;
    assert.ok(seen.bytes < LIGHT_BYTES, `${word}: ${JSON.stringify(seen)}`);
    assert.ok(seen.paint < SOON_MS, `${word}: ${JSON.stringify(seen)}`);
  }
  return found;
});
