// A panel of another origin opens the studio and hands it a session; nobody else's panel can.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { story } from './story.mjs';
import { enter, identity } from './studio.mjs';

/** As existing panels are written: it opens the studio, and gives it the session when it says that it listens. */
const PANEL = `<!doctype html><title>panel</title><button>open</button><script>
  const { studio, session } = Object.fromEntries(new URLSearchParams(location.search));
  const message = { type: 'avanzacast.session', session: JSON.parse(session) };
  document.querySelector('button').onclick = () => { window.studio = open(studio); };
  addEventListener('message', (event) => {
    if (event.data?.type === 'avanzacast.ready') event.source.postMessage(message, new URL(studio).origin);
  });
</script>`;

const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(PANEL));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const { port } = server.address();
const rules = ['panel.test', 'evil.test'].map((host) => `MAP ${host}:80 127.0.0.1:${port}`).join(', ');

await story(async ({ person, ...request }) => {
  async function handed(origin, session, options) {
    const panel = await person(options);
    await panel.goto(`${origin}/?${new URLSearchParams({ studio: `${request.base}/studio`, session: JSON.stringify(session) })}`);
    const opened = panel.context().waitForEvent('page');
    await panel.click('button');
    return opened;
  }

  const hostile = await handed('http://evil.test', request.handed, { name: 'evil' });
  await hostile.locator('[data-waiting]').waitFor();
  // Long enough for a message that was to be taken.
  await hostile.waitForTimeout(1_000);
  assert.equal(await hostile.locator('[data-waiting]').count(), 1);
  assert.equal(new URL(hostile.url()).pathname, '/studio');
  await hostile.context().close();

  // The session is taken, and nobody has joined by that: a click is needed.
  const studio = await handed('http://panel.test', request.handed, { name: 'panel' });
  await studio.locator('#join').waitFor();
  assert.equal(new URL(studio.url()).pathname, `/studio/${request.handed.id}`);
  assert.equal((await fetch(`${request.base}/api/session/${request.handed.id}`)).status, 200);
  await enter(studio);
  assert.match(await identity(studio), /^p_/);

  // What is no session is none, whoever hands it over.
  const nonsense = await handed('http://panel.test', { id: '../../x', token: 'x', url: 'javascript:alert(1)' }, { name: 'nonsense' });
  await nonsense.locator('[data-waiting]').waitFor();
  await nonsense.waitForTimeout(500);
  assert.equal(await nonsense.locator('[data-waiting]').count(), 1);

  // A panel of the same origin leaves it in the tab's storage.
  const same = await person({ name: 'same origin' });
  await same.goto(`${request.base}/panel`);
  await same.evaluate((session) => sessionStorage.setItem('avanzacast.session', JSON.stringify(session)), request.left);
  await same.goto(`${request.base}/studio`);
  await same.locator('h1', { hasText: 'Eva' }).waitFor();
  assert.equal(new URL(same.url()).pathname, `/studio/${request.left.id}`);
}, [`--host-resolver-rules=${rules}`, '--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LocalNetworkAccessChecks']);
server.close();
