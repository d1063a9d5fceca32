// How everything is: what answers, the ledger, and what went on lately.

import { byId } from '../shared/dom.js';
import { showActivity } from './activity.js';
import { showHealth } from './health.js';
import { showLedger } from './ledger.js';

const AGAIN_MS = 10_000;
/** The charts are by the hour: they need not be as fresh. */
const CHARTS_EVERY = 6;

let timer = null;
let rounds = 0;
let audit = false;

document.addEventListener('visibilitychange', () => {
  if (timer !== null && !document.hidden) look({ quietly: true });
});

export function open({ scopes }) {
  audit = scopes.includes('audit');
  rounds = 0;
  byId('health').dataset.workers = scopes.includes('manage');
  clearInterval(timer);
  timer = setInterval(() => !document.hidden && look({ quietly: true }), AGAIN_MS);
  look();
}

export function close() {
  clearInterval(timer);
  timer = null;
}

function look(how) {
  showHealth();
  if (!audit) return;
  showLedger(how);
  // Whoever is reading in there is not disturbed.
  const read = byId('activity-charts').contains(document.activeElement);
  if (rounds % CHARTS_EVERY === 0 && !read) showActivity(how);
  rounds += 1;
}
