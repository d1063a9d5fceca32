// Every refusal has a page of its own, in both languages.

import assert from 'node:assert/strict';

import { barriers, isTooWide, picture, story } from './story.mjs';
import { ending, enter } from './studio.mjs';

await story(async ({ person, reached, ...request }) => {
  const studio = (id) => `${request.base}/studio/${id}`;
  const es = await person({ name: 'es', width: 360, height: 740 });
  const en = await person({ name: 'en', language: 'en' });
  for (const [id, code, inSpanish, inEnglish] of request.endings) {
    for (const [page, expected] of [[es, inSpanish], [en, inEnglish]]) {
      await page.goto(studio(id));
      assert.equal(await ending(page, code), expected, code);
      assert.deepEqual(await barriers(page), [], code);
      assert.equal(await isTooWide(page), false, code);
    }
    await picture(request, es, `studio-${code}-360`);
  }

  // A language is chosen, and kept.
  await en.click('.languages a[lang="es"]');
  await ending(en, request.endings.at(-1)[1]);
  await en.goto(studio(request.endings[0][0]));
  assert.equal(await ending(en, request.endings[0][1]), request.endings[0][2]);

  // No camera is no reason to stay outside: the page says what is the matter, and lets in.
  const shy = await person({ name: 'without a camera' });
  await shy.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await shy.goto(studio(request.open));
  await shy.locator('main', { hasText: 'el navegador no da permiso' }).waitFor();
  assert.equal(await shy.locator('#join').isEnabled(), true);
  await picture(request, shy, 'studio-denied-1280');

  // LiveKit is away when somebody wants in, and there again when they try once more.
  const late = await person({ name: 'late', expects: /WebSocket|livekit|signal|abort/i });
  await late.goto(studio(request.late));
  await late.locator('#join').waitFor();
  await reached('LiveKit may go');
  await late.click('#join');
  assert.equal(await ending(late, 'livekit_away'), 'No se puede conectar con el vídeo');
  await picture(request, late, 'studio-livekit_away-1280');
  await reached('LiveKit may come');
  await late.click('#again');
  await enter(late);
});
