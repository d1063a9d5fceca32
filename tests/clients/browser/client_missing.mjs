// An installation without LiveKit's client: the studio says what is missing, and uses nobody's link up.

import assert from 'node:assert/strict';

import { ask, barriers, story } from './story.mjs';
import { ending } from './studio.mjs';

await story(async ({ person, ...request }) => {
  const page = await person({ name: 'Ana' });
  await page.goto(`${request.base}/studio/${request.id}`);
  await page.locator('#join').waitFor();
  await page.click('#join');
  await ending(page, 'client_missing');
  await page.locator('main', { hasText: 'avanzacast livekit-client' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.equal((await ask(request, 'GET', `/api/session/${request.id}`)).status, 200);
});
