// The panel: a broadcast from its making to its end, its guests, and the secret that is asked for once.

import assert from 'node:assert/strict';

import { barriers, done, isTooWide, picture, story } from './story.mjs';

const HOSTILE = 'Viernes <img src=x onerror=alert(1)>';

await story(async ({ person, ...request }) => {
  const page = await person({ name: 'operator' });
  await page.goto(request.base);
  await page.locator('#list .empty').waitFor();
  await picture(request, page, 'panel-empty-1280');

  await page.click('#create-open');
  await page.click('#create-submit');
  await page.locator('#title-wrong', { hasText: 'Ponle un título' }).waitFor();
  await page.fill('#title', HOSTILE);
  await page.fill('#description', 'Entrevista\ncon Ana');
  await page.click('#create-submit');
  const card = page.locator('[data-broadcast]');
  await card.locator('h3', { hasText: HOSTILE }).waitFor();
  assert.equal(await page.locator('img[src="x"]').count(), 0);

  // Anybody may make one here; starting it needs the secret, which is asked for, once.
  await card.locator('.start').click();
  await page.fill('#login-secret', 'not the secret');
  await page.keyboard.press('Enter');
  await page.locator('#login-wrong', { hasText: 'no es correcta' }).waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.fill('#login-secret', request.secret);
  await page.keyboard.press('Enter');
  await page.locator('[data-broadcast][data-status="live"]').waitFor();
  const cookies = await page.context().cookies();
  const { httpOnly, sameSite, expires } = cookies.find(({ name }) => name === 'avanzacast_console');
  assert.deepEqual([httpOnly, sameSite], [true, 'Strict']);
  assert.ok(Math.abs(expires - Date.now() / 1000 - 12 * 3600) < 60);
  assert.equal(await page.evaluate(() => document.cookie.includes('avanzacast_console')), false);

  await card.locator('summary').click();
  await card.locator('.nothing').waitFor();
  const links = [];
  for (const guest of ['Eva', 'Leo']) {
    await card.locator('input[name="username"]').fill(guest);
    await card.locator('form button').click();
    await card.locator('[data-session]', { hasText: guest }).waitFor();
    links.push(await page.evaluate(() => navigator.clipboard.readText()));
  }
  const [eva, leo] = links.map((link) => /\/studio\/([\w-]+)$/.exec(link)[1]);
  await picture(request, page, 'panel-1280');
  assert.deepEqual(await barriers(page), []);

  // Eva has come, and Leo is not to.
  await done(request, 'POST', `/api/session/${eva}/consume`);
  await page.reload();
  await card.locator('summary').click();
  await card.locator(`[data-session="${eva}"][data-state="consumed"]`).waitFor();
  await card.locator(`[data-revoke="${leo}"]`).click();
  await page.locator('dialog[open] .danger').click();
  await card.locator(`[data-session="${leo}"][data-state="revoked"]`).waitFor();

  // Whoever enters comes as host, by a link of their own.
  await card.locator('.enter').click();
  await page.fill('#host-name', 'Marta');
  await page.click('#host-submit');
  await page.waitForURL(/\/studio\//);
  await page.locator('h1', { hasText: 'Marta' }).waitFor();
  await page.goBack();

  // By keyboard alone, narrow, dark, in English: the same session, for the cookie is this browser's.
  await page.setViewportSize({ width: 360, height: 740 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${request.base}/panel?lang=en`);
  await page.locator('h1', { hasText: 'Broadcasts' }).waitFor();
  await card.locator('summary').focus();
  await page.keyboard.press('Enter');
  await card.locator(`[data-session="${eva}"]`).waitFor();
  await picture(request, page, 'panel-360');
  assert.deepEqual(await barriers(page), []);
  assert.equal(await isTooWide(page), false);
  await card.locator('.end').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('[data-broadcast][data-status="ended"]').waitFor();

  await page.click('#account button');
  await page.locator('#account button', { hasText: 'Log in' }).waitFor();
  assert.equal((await page.context().cookies()).some(({ name }) => name === 'avanzacast_console'), false);
});
