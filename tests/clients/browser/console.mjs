// The console: how everything is, what happens, and what happened.

import assert from 'node:assert/strict';

import { barriers, done, isTooWide, picture, story } from './story.mjs';

await story(async ({ person, ...request }) => {
  const page = await person({ name: 'operator' });
  const section = (name) => page.click(`#sections a[href="#${name}"]`);
  const fine = async (name, { width = 1280, scheme = 'light' } = {}) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    assert.deepEqual(await barriers(page), [], `${name} at ${width}, ${scheme}`);
    assert.equal(await isTooWide(page), false, `${name} at ${width}`);
    await picture(request, page, `console-${name}-${width}`);
  };
  const everywhere = async (name) => {
    await fine(name, { width: 360, scheme: 'dark' });
    await fine(name);
  };

  // Nothing is shown before the secret is; then it is not asked for again.
  await page.goto(`${request.base}/console`);
  await page.fill('#login-secret', request.secret);
  await page.keyboard.press('Enter');
  for (const check of ['nats', 'database', 'livekit', 'session', 'studio', 'room', 'audit']) {
    await page.locator(`[data-check="${check}"][data-status="ok"]`).waitFor();
  }
  const size = Number((await page.locator('#ledger-size').innerText()).replace(/\D/g, ''));
  assert.ok(size >= 4, `the ledger has ${size} events`);
  assert.match(await page.locator('#ledger-root').innerText(), /^[A-Za-z0-9+/]{43}=/);
  await page.locator('figure[data-series="links"]').waitFor();
  await everywhere('overview');

  // Somebody is found by a part of their name, and taken back.
  await section('sessions');
  await page.locator(`tr[data-session="${request.link}"]`).waitFor();
  await page.fill('#sessions-username', 'onERROR');
  await page.click('#sessions-form .primary');
  await page.locator(`tr[data-session="${request.other}"]`).waitFor({ state: 'detached' });
  await page.locator(`tr[data-session="${request.link}"]`).waitFor();
  assert.equal(await page.locator('img[src="x"]').count(), 0);
  await page.locator(`tr[data-session="${request.link}"] [data-revoke]`).click();
  await page.locator('dialog[open] button.danger').click();
  await page.locator(`tr[data-session="${request.link}"][data-state="revoked"]`).waitFor();
  await everywhere('sessions');

  // What happens is seen as it happens; what happens meanwhile is there after a pause, and nothing twice.
  await section('events');
  await page.locator('#feed-state[data-state="live"]').waitFor();
  await page.locator('#feed > li[data-type="session.revoked"]').waitFor();
  const make = (username) => done(request, 'POST', '/api/session', { room: 'viernes', username });
  await make('live');
  await page.locator('#feed > li[data-type="token.registered"]').first().waitFor();
  await page.click('#pause');
  for (let n = 0; n < 5; n += 1) await make(`meanwhile ${n}`);
  await page.waitForTimeout(500);
  const places = () => page.locator('#feed > li').evaluateAll((rows) => rows.map((row) => Number(row.dataset.seq)));
  const before = await places();
  await page.click('#pause');
  const { size: end } = await done(request, 'GET', '/api/audit/ledger');
  await page.locator(`#feed > li[data-seq="${end}"]`).waitFor();
  const after = await places();
  assert.equal(after.length - before.length, 5);
  assert.deepEqual([...after].sort((a, b) => a - b), Array.from({ length: after.length }, (_, n) => end - after.length + 1 + n));
  await everywhere('events');

  // The record of the last hour, in order.
  await section('replay');
  await page.locator('#replay-form button.primary').click();
  await page.locator(`#replay-list li[data-seq="${end}"]`).waitFor();
  assert.equal(await page.locator('#replay-list li[data-seq]').count(), end);
  const saved = page.waitForEvent('download');
  await page.click('#replay-download');
  const file = await (await saved).createReadStream();
  const lines = (await file.toArray()).join('').trim().split('\n');
  assert.deepEqual(lines.map((line) => Number(JSON.parse(line).ledgerseq)), Array.from({ length: end }, (_, n) => n + 1));
  await everywhere('replay');

  // Who could enter this room then?
  await section('who');
  await page.fill('#who-value', 'viernes');
  await page.locator('#who-form button.primary').click();
  await page.locator('[data-list="could"]', { hasText: 'live' }).waitFor();
  await everywhere('who');

  // What could never be applied: again, which it cannot be either, and away.
  await section('dead');
  await page.locator('tr[data-dead]').waitFor();
  await everywhere('dead');
  await page.locator('tr[data-dead="1"] [data-redrive]').click();
  await page.locator('tr[data-dead="1"]').waitFor({ state: 'detached' });
  await page.click('#dead-again');
  await page.locator('tr[data-dead="2"] [data-drop]').click();
  await page.locator('dialog[open] button.danger').click();
  await page.locator('tr[data-dead]').waitFor({ state: 'detached' });

  // In English, and out.
  await page.click('.languages a[lang="en"]');
  await page.locator('h1', { hasText: 'Console' }).waitFor();
  await page.click('#logout');
  await page.locator('#login-secret, #login').first().waitFor();
  assert.equal(await page.locator('tr[data-dead]').count(), 0);
});
