// The console: which sections whoever is here may see, and which one is shown.

import { byId, h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { enter, watchAccount } from './account.js';
import { failed, waiting } from './pane.js';

/**
 * Each with the scopes of which one is needed, and the module that is loaded when it is shown first: `open` is called whenever it is
 * shown, `close` when it is not any more.
 */
const SECTIONS = {
  overview: { needs: ['manage', 'audit'], load: () => import('./overview.js') },
  sessions: { needs: ['manage'], load: () => import('./sessions.js') },
  broadcasts: { needs: ['manage'], load: () => import('./broadcasts.js') },
  events: { needs: ['audit'], load: () => import('./feed.js') },
  replay: { needs: ['audit'], load: () => import('./replay.js') },
  who: { needs: ['audit'], load: () => import('./who.js') },
  dead: { needs: ['manage'], load: () => import('./dead.js') },
};

const page = document.title;
let scopes = [];
let current = null;
/** The module of what is shown, once it is loaded. */
let shown = null;
/** How often something else was to be shown: a module that comes late is not shown any more. */
let turns = 0;

start();

async function start() {
  const gate = byId('gate');
  put(gate, waiting());
  window.addEventListener('hashchange', () => show({ moved: true }));
  try {
    await watchAccount(admit);
    if (scopes.length === 0) await enter();
  } catch (error) {
    put(gate, failed(error, start));
  }
}

/** Shows what whoever is here now may see. */
function admit(access) {
  // Whoever logged in again goes on where they were.
  if (current && String(access.scopes) === String(scopes)) return;
  scopes = access.scopes;
  const seen = allowed();
  for (const link of byId('sections').children) link.hidden = !seen.includes(link.hash.slice(1));
  for (const part of document.querySelectorAll('[data-needs]')) part.hidden = !scopes.includes(part.dataset.needs);
  byId('sections').hidden = seen.length === 0;
  put(byId('gate'), seen.length === 0 && closed());
  leave();
  if (seen.length) show();
}

function closed() {
  return h('div', { class: 'card empty' },
    h('strong', {}, t('closed')),
    h('p', {}, t(scopes.length ? 'closed.scopes' : 'closed.about')),
    h('button', { class: 'primary', onclick: enter }, t('login')));
}

function allowed() {
  return Object.keys(SECTIONS).filter((name) => SECTIONS[name].needs.some((scope) => scopes.includes(scope)));
}

function leave() {
  if (!current) return;
  byId(current).hidden = true;
  shown?.close?.();
  current = null;
  shown = null;
  turns += 1;
}

async function show({ moved = false } = {}) {
  const [asked, rest] = location.hash.slice(1).split('?');
  // The link that skips to the content has a hash too, and leads to no section.
  if (moved && !(asked in SECTIONS) && asked !== '') return;
  const seen = allowed();
  const name = seen.includes(asked) ? asked : seen[0];
  if (!name) return;
  leave();
  current = name;
  mark(name);
  byId(name).hidden = false;
  if (moved) {
    byId(`${name}-title`).focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  }
  try {
    const turn = turns;
    const section = await SECTIONS[name].load();
    if (turn !== turns) return;
    shown = section;
    put(byId('gate'));
    section.open({ scopes, asked: new URLSearchParams(asked === name ? rest : '') });
  } catch (error) {
    put(byId('gate'), failed(error, () => location.reload()));
  }
}

function mark(name) {
  for (const link of byId('sections').children) {
    const here = link.hash === `#${name}`;
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    if (here) {
      document.title = `${link.textContent} · ${page}`;
      const { parentElement: bar } = link;
      bar.scrollTo({ left: link.offsetLeft - bar.offsetLeft - 24 });
    }
  }
  // Another language is the same place in other words.
  for (const link of document.querySelectorAll('.languages a')) link.hash = location.hash;
}
