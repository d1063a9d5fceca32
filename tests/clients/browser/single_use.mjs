// A link that is used once: looked at by anybody, and used by one of two who come together.

import assert from 'node:assert/strict';

import { story } from './story.mjs';
import { ending, enter, identity } from './studio.mjs';

await story(async ({ person, ...request }) => {
  // What a messenger does to show a link: it uses nothing up.
  for (const path of [`/studio/${request.id}`, `/panel/${request.id}`, `/api/session/${request.id}`]) {
    for (const method of ['HEAD', 'GET']) {
      const { status } = await fetch(`${request.base}${path}`, { method });
      assert.equal(status, 200, `${method} ${path}`);
    }
  }
  const both = [await person({ name: 'first' }), await person({ name: 'second' })];
  for (const page of both) {
    await page.goto(`${request.base}/studio/${request.id}`);
    await page.locator('#camera[data-on="true"]').waitFor();
  }
  await Promise.all(both.map((page) => page.click('#join')));
  const outcome = (page) => Promise.race([
    page.locator('#leave').waitFor().then(() => 'in'),
    page.locator('[data-ending="session_consumed"]').waitFor().then(() => 'told'),
  ]);
  const outcomes = await Promise.all(both.map(outcome));
  assert.deepEqual([...outcomes].sort(), ['in', 'told']);
  const [winner, loser] = outcomes[0] === 'in' ? both : [...both].reverse();
  assert.equal(await ending(loser, 'session_consumed'), 'Este enlace ya se ha usado');

  // Whoever used it comes back, and nobody else comes in.
  const before = await identity(winner);
  await winner.reload();
  await enter(winner);
  assert.equal(await identity(winner), before);
  await loser.reload();
  await ending(loser, 'session_consumed');
});
