// Two people in a studio: one comes by a panel with a token that another server minted, one by a link for one use.

import assert from 'node:assert/strict';

import { barriers, done, isTooWide, picture, story } from './story.mjs';
import { ending, enter, identity, sees } from './studio.mjs';

await story(async ({ person, ...request }) => {
  const ana = await person({ name: 'Ana' });
  await ana.goto(request.panelUrl);
  await ana.locator('#given', { hasText: 'Ana' }).waitFor();
  await ana.click('#given a.button');
  await ana.waitForURL(/\/studio\//);

  // A name is text, whatever it looks like.
  const hostile = '<img src=x onerror=alert(1)>';
  const bea = await person({ name: 'Bea', language: 'en', width: 360, height: 740 });
  await bea.goto(request.guestUrl);
  await bea.locator('h1', { hasText: hostile }).waitFor();
  await picture(request, bea, 'studio-preview-360');
  assert.deepEqual(await barriers(bea), []);
  assert.equal(await isTooWide(bea), false);

  await enter(ana);
  const start = Date.now();
  await enter(bea);
  await Promise.all([sees(ana, hostile), sees(bea, 'Ana')]);
  const together = Date.now() - start;
  assert.equal(await ana.locator('img[src="x"]').count(), 0);
  await picture(request, ana, 'studio-room-1280');
  await picture(request, bea, 'studio-room-360');
  for (const page of [ana, bea]) {
    assert.deepEqual(await barriers(page), []);
    assert.equal(await isTooWide(page), false);
  }

  // Who comes back is who they were.
  const before = await identity(bea);
  await bea.reload();
  await enter(bea);
  assert.equal(await identity(bea), before);
  await Promise.all([sees(ana, hostile), sees(bea, 'Ana')]);

  const revoked = Date.now();
  await done(request, 'DELETE', `/api/session/${request.guestId}`);
  assert.equal(await ending(bea, 'session_revoked'), 'Your access has been revoked');
  const out = Date.now() - revoked;
  await picture(request, bea, 'studio-revoked-360');
  assert.deepEqual(await barriers(bea), []);
  await bea.reload();
  await ending(bea, 'session_revoked');

  await ana.click('#leave');
  assert.equal(await ending(ana, 'left'), 'Has salido');
  return { together, out, identity: before };
});
