// What people do in the studio.

import assert from 'node:assert/strict';

/** From the preview into the room, with camera and microphone. */
export async function enter(page) {
  await page.locator('#camera[data-on="true"]').waitFor();
  await page.click('#join');
  await page.locator('#leave').waitFor();
}

/** The tile of somebody with this name. */
export function tileOf(page, name) {
  return page.locator('[data-participant]').filter({ has: page.locator('.name', { hasText: name }) });
}

/** Waits until somebody's video plays: pictures that change. */
export async function sees(page, name) {
  const tile = tileOf(page, name);
  await tile.waitFor();
  const plays = async () => tile.locator('video').evaluate(async (video) => {
    const before = video.currentTime;
    await new Promise((wake) => setTimeout(wake, 250));
    return video.videoWidth > 0 && video.currentTime > before;
  }).catch(() => false);
  for (const deadline = Date.now() + 30_000; !(await plays());) {
    assert.ok(Date.now() < deadline, `${name}'s video does not play`);
  }
}

/** Who a page is in the room. */
export function identity(page) {
  return page.locator('[data-participant][data-me="true"]').getAttribute('data-participant');
}

/** Waits for a page that says how a visit ended, or why there is none: its heading. */
export async function ending(page, code) {
  const place = page.locator(`[data-ending="${code}"]`);
  await place.waitFor();
  return place.locator('h1').innerText();
}
